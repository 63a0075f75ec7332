# SPDX-License-Identifier: GPL-2.0-only
"""One run at a time."""

import fcntl
import os
import time

from failure import Failure

_PATIENCE = 2.0		# seconds: a run that has nothing to do is over by then


class Lock:
	"""Holds the lock file @path for a `with` block; says who else does.

	The file itself stays empty and is never written to. A run that dies
	in whatever way holds it no longer.
	"""

	def __init__(self, path):
		self.path = path
		self.handle = None

	def __enter__(self):
		os.makedirs(os.path.dirname(os.path.abspath(self.path)),
			    exist_ok=True)
		self.handle = os.open(self.path,
				      os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
		end = time.monotonic() + _PATIENCE
		while True:
			try:
				fcntl.flock(self.handle,
					    fcntl.LOCK_EX | fcntl.LOCK_NB)
				return self
			except BlockingIOError:
				if time.monotonic() >= end:
					holder = self._holder()
					os.close(self.handle)
					raise Failure(
						f"{self.path} is held by {holder}, "
						"which is building the same tree. "
						"Wait until it has ended and run "
						"again.") from None
			time.sleep(0.05)

	def __exit__(self, *_):
		os.close(self.handle)

	def _holder(self):
		"""Who holds the lock, as the kernel tells it."""
		number = os.fstat(self.handle).st_ino
		try:
			with open("/proc/locks", encoding="ascii") as file:
				for line in file:
					words = line.split()
					if words[1] == "FLOCK" and \
					   words[5].endswith(f":{number}"):
						return _describe(words[4])
		except (OSError, IndexError):
			pass
		return "another run"


def _describe(pid):
	try:
		with open(f"/proc/{pid}/cmdline", "rb") as file:
			words = file.read().replace(b"\0", b" ").strip()
	except OSError:
		return f"the process {pid}"
	return f"the process {pid} ({words.decode('utf-8', 'replace')})"
