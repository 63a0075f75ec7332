# SPDX-License-Identifier: GPL-2.0-only
"""Child processes that never outlive the tool."""

import contextlib
import ctypes
import os
import signal
import subprocess
import threading

from failure import Failure, Interrupted, disk_full

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
# git does not always pass on why it could not write.
_DISK_FULL = ("No space left on device", "Disk quota exceeded",
	      "unable to write file", "unable to write new index file")
# The Debian package of each program that is started, to name it.
PACKAGES = {
	"cp": "coreutils",
	"diff": "diffutils",
	"git": "git",
	"spatch": "coccinelle",
	"xz": "xz-utils",
}
_running = set()
_stopped = False
_interrupted = 0
_guard = threading.Lock()


def interrupt(number, _):
	"""The signal handler of SIGNALS: raises Interrupted.

	Where Python drops that, as in a destructor, the next start() raises it
	again.
	"""
	global _interrupted
	_interrupted = number
	raise Interrupted(number)


@contextlib.contextmanager
def uninterrupted():
	"""A `with` block at whose end alone a signal is looked at.

	For what must be done whole, such as to start a thread and remember it.
	Threads that it starts leave all signals to the main thread.
	"""
	mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
	try:
		yield
	finally:
		signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _begin_child(parent, parting):
	"""Runs in the child, before the program.

	@parent: the id of this process
	@parting: the signal to get when that dies
	"""
	# A killed run must not leave a writer behind: the next run deletes and
	# rebuilds the folders that this one was filling. The signal comes when
	# the *thread* that started the child ends, so whoever starts one waits.
	_libc.prctl(_PR_SET_PDEATHSIG, parting, 0, 0, 0)
	if os.getppid() != parent:
		os._exit(127)
	for number in SIGNALS:
		_libc.signal(number, 0)
	signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def environment(extra=None):
	"""The environment of a child: plain messages, nobody's git settings."""
	env = {key: value for key, value in os.environ.items()
	       if not key.startswith("GIT_") and not key.startswith("LC_")
	       and key != "LANGUAGE"}
	env.update({
		"LC_ALL": "C",
		"GIT_CONFIG_GLOBAL": os.devnull,
		"GIT_CONFIG_NOSYSTEM": "1",
		"GIT_ATTR_NOSYSTEM": "1",
		"GIT_TERMINAL_PROMPT": "0",
	})
	env.update(extra or {})
	return env


def start(argv, parting=signal.SIGKILL, **options):
	"""Start @argv as subprocess.Popen() does; ends with this process.

	@parting: the signal that it gets should this process die

	It gets a session of its own: Control-C must not reach it, because an
	interrupted spatch exits with 0 as if nothing were to be done. kill()
	ends it instead. Raises Failure if the program is not installed.
	"""
	options.setdefault("env", environment())
	options.setdefault("stdin", subprocess.DEVNULL)
	me = os.getpid()
	try:
		# No signal between fork and exec, or two processes handle it.
		with uninterrupted():
			if _interrupted:
				raise Interrupted(_interrupted)
			child = subprocess.Popen(
				argv, preexec_fn=lambda: _begin_child(me, parting),
				start_new_session=True, **options)
			with _guard:
				_running.add(child)
	except FileNotFoundError as error:
		if error.filename != argv[0]:
			raise
		package = PACKAGES.get(argv[0], "that has it")
		raise Failure(f"The program {argv[0]} is not installed. Install "
			      f"the package {package} and run again.") from None
	if _stopped:
		kill_all()
		raise Failure("The run is ending.")
	return child


def finished(child):
	"""Forget @child, which start() made and which has been waited for."""
	with _guard:
		_running.discard(child)


def kill(child):
	"""Kill @child with all that it started, and wait for it."""
	if child.poll() is None:
		try:
			os.killpg(child.pid, signal.SIGKILL)
		except (ProcessLookupError, PermissionError):
			child.kill()
	child.wait()


def kill_all():
	"""Kill every child that is still running; no other will be started."""
	global _stopped
	with _guard:
		_stopped = True
		children = list(_running)
		_running.clear()
	for child in children:
		kill(child)


def run(argv, data=None, timeout=None, **options):
	"""Run @argv with @data on its input.

	Returns (exit status, output, errors), the latter two as bytes. Raises
	subprocess.TimeoutExpired after @timeout seconds, with the child dead.
	"""
	if data is not None:
		options["stdin"] = subprocess.PIPE
	options.setdefault("stdout", subprocess.PIPE)
	options.setdefault("stderr", subprocess.PIPE)
	child = start(argv, **options)
	try:
		out, err = child.communicate(data, timeout)
	except BaseException:
		kill(child)
		for pipe in (child.stdin, child.stdout, child.stderr):
			if pipe:
				pipe.close()
		raise
	finally:
		finished(child)
	return child.returncode, out or b"", err or b""


def checked(argv, where, what, **options):
	"""run() a program that must succeed; returns its output.

	@where is the folder it writes to, @what says what it was doing; both
	are for the Failure that is raised if it does not exit with 0.
	"""
	status, out, err = run(argv, **options)
	if status:
		raise child_failure(argv, status, err, where, what)
	return out


def child_failure(argv, status, err, where, what):
	"""The Failure for the child @argv that ended with @status and @err."""
	text = err.decode("utf-8", "replace").strip()
	if any(words in text for words in _DISK_FULL):
		return disk_full(where, text.splitlines()[-1])
	how = (f"was killed by signal {-status}" if status < 0
	       else f"exited with {status}")
	lines = text.splitlines()
	if len(lines) > 15:
		lines[8:-6] = ["..."]
	said = "\n".join("    " + line for line in lines)
	return Failure(f"{what} failed: {os.path.basename(argv[0])} {how}"
		       + (f" and said:\n{said}" if said else "."))
