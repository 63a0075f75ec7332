#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Installs the Debian packages that the project needs and that are missing.

	packages.py install GROUP...
	packages.py list GROUP...

The packages are named in the file `packages` at the root, in groups. The
group `base` is also brought up to date, for there is always to be the newest
kernel source that apt offers. Exit status: 0 installed or nothing to do, 1
error, which says what to install by hand.
"""

import argparse
import os
import shutil
import sys
import tempfile

import process
from failure import Failure
from progress import Progress

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
	os.path.abspath(__file__))))
LISTS = "/var/lib/apt/lists"


def read_packages(path):
	"""Read the file of packages at @path.

	Returns {group: [name, ...]} in the order of the file. Raises Failure
	with the line's number if one is not `group name what-for`.
	"""
	groups = {}
	with open(path, encoding="utf-8") as file:
		for number, line in enumerate(file, 1):
			line = line.split("#", 1)[0].strip()
			if not line:
				continue
			words = line.split(None, 2)
			if len(words) < 3:
				raise Failure(f"{path}:{number}: a line is a "
					      "group, a package and what it is "
					      "for.")
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


def apt_get(arguments, packages, what):
	env = process.environment({"DEBIAN_FRONTEND": "noninteractive"})
	status, out, err = process.run(["apt-get", "-q"] + arguments, env=env)
	text = (out + err).decode("utf-8", "replace")
	if status == 0 and "\nErr:" not in "\n" + text:
		return
	with tempfile.NamedTemporaryFile("w", prefix="apt-get-", suffix=".log",
					 delete=False) as log:
		log.write(text)
	said = [line for line in text.splitlines()
		if line.startswith(("E: ", "Err:", "W: Failed"))][:5]
	raise Failure(f"{what} failed: apt-get {arguments[0]} exited with "
		      f"{status}. Is there a network? All it said is in "
		      f"{log.name}; in short:\n"
		      + "\n".join("    " + line for line in said)
		      + "\n" + by_hand(packages))


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
	progress.step("updating apt's lists")
	apt_get(["update"], todo, "Updating apt's lists")
	progress.step(f"installing {' '.join(todo)}")
	apt_get(["install", "-y", "--no-install-recommends"] + todo, todo,
		"Installing packages")


def main():
	parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
	parser.add_argument("command", choices=["install", "list"])
	parser.add_argument("groups", nargs="+")
	parser.add_argument("--file", default=os.path.join(ROOT, "packages"))
	arguments = parser.parse_args()
	progress = Progress()
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
	finally:
		progress.close()
	return 0


if __name__ == "__main__":
	sys.exit(main())
