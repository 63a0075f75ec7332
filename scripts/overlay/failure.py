# SPDX-License-Identifier: GPL-2.0-only
"""The errors that a person is to read."""

import errno


class Failure(Exception):
	"""Something failed; str() is one or more whole sentences.

	They say what failed, where (file:line) and what to do. Raised by every
	part of the overlay tool, printed by its command line.
	"""


class Interrupted(BaseException):
	"""The run was asked to end by a signal; @number is the signal's.

	No Exception, so that nobody on the way takes it for one.
	"""

	def __init__(self, number):
		super().__init__(f"signal {number}")
		self.number = number


def disk_full(where, said=""):
	"""The Failure for a write below the folder @where that found no room.

	@said: the words of the program that could not write
	"""
	return Failure(
		f"No space is left on the disk that holds {where}. Free some "
		"(a kernel tree needs about 2 GB the first time) and run again."
		+ (f" What was said: {said}" if said else ""))


def from_oserror(error, where):
	"""Turn the OSError @error of work below @where into a Failure."""
	if error.errno in (errno.ENOSPC, errno.EDQUOT):
		return disk_full(where)
	name = f" ({error.filename})" if error.filename else ""
	return Failure(f"The operating system refused an access below {where}"
		       f"{name}: {error.strerror}.")
