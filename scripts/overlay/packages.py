#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Installs the Debian packages that the project needs and that are missing.

	packages.py install GROUP...
	packages.py list GROUP...

The packages are named in the file `packages` at the root, in groups. The
group `base` is also brought up to date, for there is always to be the newest
kernel source that apt offers. Exit status: 0 installed or nothing to do, 1
error, which says what to install by hand, or 128 and the number of the signal
that interrupted it.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import process
from failure import Failure, Interrupted
from progress import Progress

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
	os.path.abspath(__file__))))
# How long apt-get waits for another one to end, in seconds.
PATIENCE = 120


def read_packages(path):
	"""Read the file of packages at @path.

	Returns {group: [name, ...]} in the order of the file. Raises Failure
	with the line's number if one is not `group name what-for`.
	"""
	groups = {}
	try:
		with open(path, encoding="utf-8") as file:
			lines = file.read().splitlines()
	except OSError as error:
		raise Failure(f"{path}, which lists the packages, cannot be read: "
			      f"{error.strerror}.") from None
	for number, line in enumerate(lines, 1):
		line = line.split("#", 1)[0].strip()
		if not line:
			continue
		words = line.split(None, 2)
		if len(words) < 3:
			raise Failure(f"{path}:{number}: A line is a group, a "
				      "package and what it is for. Write all "
				      "three.")
		groups.setdefault(words[0], []).append(words[1])
	return groups


def wanted(groups, names):
	"""The packages of the groups @names; Failure if one is not known."""
	packages = []
	for name in names:
		if name not in groups:
			raise Failure(f"There is no group {name} of packages. "
				      f"Known are: {', '.join(groups)}.")
		packages += groups[name]
	return packages


def installed_versions(packages):
	"""{package: version} of those of @packages that are installed."""
	_, out, _ = process.run(
		["dpkg-query", "-W",
		 "-f", "${Package} ${db:Status-Status} ${Version}\n"] + packages)
	versions = {}
	for line in out.decode().splitlines():
		name, status, *version = line.split()
		if status == "installed":
			versions[name] = version[0]
	return versions


def candidate(package):
	"""The newest version of @package that apt knows of, or None."""
	_, out, _ = process.run(["apt-cache", "policy", package])
	for line in out.decode().splitlines():
		key, _, value = line.strip().partition(": ")
		if key == "Candidate":
			return None if value == "(none)" else value
	return None


def by_hand(packages):
	return ("Install these packages by hand and run again, or say "
		f"PACKAGES=no if you have what is in them: {' '.join(packages)}")


def apt_get(arguments, log):
	"""Run apt-get with @arguments; what it says is written to the file @log.

	Returns its exit status. It has a session of its own, and no pipe to us:
	a Control-C, or a terminal that is gone, must not end dpkg, which would
	leave packages half set up. apt-get itself is told of an interrupt, and
	ends when it can.
	"""
	# No signal before we know whom to tell.
	mask = signal.pthread_sigmask(signal.SIG_BLOCK, process.SIGNALS)
	child = subprocess.Popen(
		["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={PATIENCE}"]
		+ arguments, start_new_session=True,
		env=process.environment({"DEBIAN_FRONTEND": "noninteractive"}),
		stdin=subprocess.DEVNULL, stdout=log, stderr=log,
		preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK,
							  mask))
	try:
		signal.pthread_sigmask(signal.SIG_SETMASK, mask)
		return child.wait()
	except Interrupted:
		child.send_signal(signal.SIGINT)
		child.wait()
		raise


def complaints(text):
	"""The lines of apt-get's @text that say what is wrong, the first few."""
	return [line for line in text.splitlines()
		if line.startswith(("E: ", "Err:", "W: Failed"))][:5]


def install_now(packages, progress):
	"""Install @packages with apt-get, as root."""
	with tempfile.NamedTemporaryFile("w+", prefix="apt-get-", suffix=".log",
					 errors="replace",
					 delete=False) as log:
		progress.step("updating apt's lists")
		# One source of several may be out of reach and not be needed.
		apt_get(["update"], log)
		log.seek(0)
		outdated = complaints(log.read())
		progress.step(f"installing {' '.join(packages)}")
		status = apt_get(["install", "-y", "--no-install-recommends"]
				 + packages, log)
		log.seek(0)
		said = complaints(log.read())
	if status:
		raise Failure(f"Installing packages failed: apt-get install exited "
			      f"with {status}. Is there a network? All it said "
			      f"is in {log.name}; in short:\n"
			      + "".join(f"    {line}\n" for line in said)
			      + by_hand(packages))
	os.unlink(log.name)
	if outdated:
		progress.close()
		print("warning: apt-get could not update all of its lists; newer "
		      f"packages may exist: {outdated[0]}", file=sys.stderr)


def missing(groups, names):
	"""The packages to install now for the groups @names."""
	packages = wanted(groups, names)
	for program in ("dpkg-query", "apt-get", "apt-cache"):
		if not shutil.which(program):
			raise Failure(f"There is no {program} here: this is "
				      "not Debian, or a stripped one. "
				      + by_hand(packages))
	versions = installed_versions(packages)
	todo = [name for name in packages if name not in versions]
	if "base" in names:
		todo += [name for name in groups["base"] if name in versions
			 and candidate(name) not in (None, versions[name])]
	return todo


def install(groups, names, progress):
	"""Install what is missing of the groups @names, saying so."""
	todo = missing(groups, names)
	if not todo:
		return
	if os.geteuid():
		raise Failure("Installing packages needs root. "
			      + by_hand(todo))
	install_now(todo, progress)


def main():
	parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
	parser.add_argument("command", choices=["install", "list"])
	parser.add_argument("groups", nargs="+")
	parser.add_argument("--file", default=os.path.join(ROOT, "packages"))
	arguments = parser.parse_args()
	progress = Progress()
	for number in process.SIGNALS:
		signal.signal(number, process.interrupt)
	try:
		groups = read_packages(arguments.file)
		if arguments.command == "list":
			print("\n".join(wanted(groups, arguments.groups)))
		else:
			install(groups, arguments.groups, progress)
	except Failure as failure:
		progress.close()
		print(f"packages: {failure}", file=sys.stderr)
		return 1
	except Interrupted as error:
		progress.close()
		print("packages: Interrupted. Run again to go on.",
		      file=sys.stderr)
		return 128 + error.number
	finally:
		progress.close()
	return 0


if __name__ == "__main__":
	sys.exit(main())
