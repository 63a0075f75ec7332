#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Applies the overlay to the base kernel.

	overlay.py build	make or renew the tree
	overlay.py check	read everything, change nothing
	overlay.py record FILE	record superseded functions as reviewed
"""

import signal

# Until main() is ready for it, an interrupt just ends the process.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import sys

import conversions
import edits
import failure
import process
import tree
from apply import Kernel, decode, parse
from failure import Failure, Interrupted
from lock import Lock
from progress import Progress
from repository import Base, make_commits
from semantic import Spatch
from series import KINDS, Series

_HERE = os.path.dirname(os.path.abspath(__file__))


class Build:
	"""One `overlay.py build`; @options as main() parsed them."""

	def __init__(self, options, progress):
		self.options = options
		self.progress = progress
		self.tree = tree.WorkTree(options.tree)
		self.base = Base(options.base)
		self.series = Series(options.root, self.base.folders)
		self.cache = os.path.abspath(options.cache)
		self.report = os.path.abspath(options.report)
		self.staged_report = os.path.join(self.tree.stage, "report")
		self.spatch = Spatch(self.cache,
				     os.path.join(self.tree.stage, "spatch"))
		self.fingerprint = self._fingerprint()

	def run(self):
		"""Build; returns the sentence that says what was done."""
		self.tree.recover()
		state = self.tree.state()
		if state.get("fingerprint") == self.fingerprint and \
		   self._reported() == self.fingerprint:
			own = "" if self.tree.head() == (state["commit"],) * 2 else \
				" (it has commits of your own on top)"
			return f"{self.options.tree}: nothing has changed{own}."
		self.tree.check_untouched()
		try:
			return self._build()
		except BaseException:
			with contextlib.suppress(Interrupted):
				_ignore_signals()
			process.kill_all()
			# What cannot be removed now the next run removes.
			with contextlib.suppress(OSError):
				self.tree.clean()
			raise
		finally:
			self.base.close()

	def _fingerprint(self):
		"""A hash of everything that the result depends on."""
		digest = hashlib.sha256()

		def add(name, data):
			for part in (os.fsencode(name), data):
				digest.update(b"%d:%s" % (len(part), part))

		add("base", self.base.commit.encode())
		add("spatch", self.spatch.version.encode())
		paths = set(self.series.files) | {"series"}
		paths |= {step.path for step in self.series.steps}
		paths |= set(conversions.sources(self.series))
		for path in sorted(paths):
			mode, data = self.series.plain(path)
			add(path + " " + mode, data)
		for path in _own_sources():
			with open(path, "rb") as file:
				add("tool " + os.path.basename(path), file.read())
		return digest.hexdigest()

	def _reported(self):
		"""The fingerprint of the result that the report is about.

		None if a file of the report is missing.
		"""
		path = os.path.join(self.report, "overlay.json")
		try:
			with open(path, encoding="ascii") as file:
				report = json.load(file)
			for name in report["files"]:
				os.stat(os.path.join(self.report, name))
			return report["fingerprint"]
		except (OSError, ValueError, KeyError, TypeError):
			return None

	def _build(self):
		tree.claim(self.tree.stage)
		kernel = Kernel(self.series, self.base, self.spatch,
				self.options.jobs)
		steps = self.series.steps
		commits = []
		for number, step in enumerate(steps, 1):
			self.progress.step(f"step {step.name}", number, len(steps))
			commits.append(kernel.step(step))
		commits += conversions.Conversions(
			kernel, os.path.join(os.path.dirname(self.tree.path),
					     "convert"),
			self.cache, self.staged_report,
			os.path.relpath(self.tree.path, self.report),
			conversions.by_hand(steps, commits), self.options.jobs,
			self.progress).make()
		self.progress.step(f"making {len(commits)} commits")
		if self._fingerprint() != self.fingerprint:
			raise Failure("The overlay changed while it was applied, "
				      "so that the result would be of neither. "
				      "Run again.")
		made = os.path.join(self.tree.stage, "git")
		ids = make_commits(made, self.base, commits)
		tip = ids[-1] if ids else self.base.commit
		changed = {path for commit in commits for path in commit.changes}
		self._write_report(ids, tip, len(changed))
		text = (f"{self.options.tree}: {_count(len(steps), 'step')}, "
			f"{_count(len(commits) - len(steps), 'conversion')}, "
			f"{_count(len(changed), 'file')} changed")
		if self.tree.state().get("commit") == tip:
			text += "; the tree was like that already"
			_ignore_signals()
			self.tree.save_fingerprint(self.fingerprint)
			self._publish()
		else:
			self.progress.step(f"building the tree {self.options.tree}")
			try:
				self.tree.prepare(self.base, made, tip,
						  self.fingerprint)
			except Failure:
				# This may well be the reason.
				self.tree.check_untouched()
				self.tree.check_copied()
				raise
			self.tree.check_untouched()
			self.tree.check_copied()
			_ignore_signals()
			self.tree.swap()
			self.options.swapped = True
			self._publish()
		self.tree.clean()
		self.spatch.prune()
		return f"{text} ({self.progress.elapsed():.1f} s)."

	def _write_report(self, ids, tip, changed):
		steps = self.series.steps
		kinds = dict.fromkeys(KINDS, 0)
		for step in steps:
			kinds["add"] += len(step.adds)
			for edit in step.edits:
				kinds[edit.kind] += 1
		# Now, because a full disk must not be noticed after the swap.
		os.makedirs(self.report, exist_ok=True)
		os.makedirs(self.staged_report, exist_ok=True)
		files = self._staged_files()
		with open(os.path.join(self.staged_report, "overlay.json"), "w",
			  encoding="ascii") as file:
			json.dump({
				"base": self.base.commit,
				"version": self.base.version,
				"tip": tip,
				"kinds": kinds,
				"steps": len(steps),
				"commits": len(ids),
				"changed_files": changed,
				"series": [{"step": step.name, "commit": commit,
					    "builds": step.builds}
					   for step, commit in zip(steps, ids)],
				"conversions": ids[len(steps):],
				"files": files,
				"fingerprint": self.fingerprint,
			}, file, indent=1)
			file.write("\n")

	def _staged_files(self):
		"""The files of the report, as paths in it, sorted."""
		names = []
		for folder, _, files in os.walk(self.staged_report):
			names += [os.path.relpath(os.path.join(folder, name),
						  self.staged_report)
				  for name in files]
		return sorted(names)

	def _publish(self):
		"""Bring the report to its place, its overlay.json last."""
		for name in sorted(self._staged_files(),
				   key=lambda name: name == "overlay.json"):
			_publish_file(os.path.join(self.staged_report, name),
				      os.path.join(self.report, name))


def _own_sources():
	"""The files that this program is made of, sorted."""
	files = [getattr(module, "__file__", None)
		 for module in list(sys.modules.values())]
	return sorted({path for path in map(os.path.abspath, filter(None, files))
		       if os.path.dirname(path) == _HERE})


def _publish_file(source, target):
	"""Move @source over @target, unless that is the same already."""
	try:
		with open(source, "rb") as new, open(target, "rb") as old:
			if new.read() == old.read():
				return
	except OSError:
		pass
	os.makedirs(os.path.dirname(target), exist_ok=True)
	try:
		os.replace(source, target)
	except OSError as error:
		if error.errno != errno.EXDEV:
			raise
		shutil.copyfile(source, target + ".new")
		os.replace(target + ".new", target)


def _count(number, noun):
	return f"{number} {noun}" + ("" if number == 1 else "s")


def _ignore_signals():
	"""From here on the work is finished before anything else.

	A signal that came just before raises Interrupted here.
	"""
	signal.pthread_sigmask(signal.SIG_BLOCK, process.SIGNALS)


def build(options):
	"""`overlay.py build`: returns what to print."""
	progress = Progress(quiet=options.quiet)
	where = os.path.dirname(os.path.abspath(options.tree))
	try:
		with Lock(os.path.abspath(options.tree) + ".lock"):
			return Build(options, progress).run()
	except OSError as error:
		raise failure.from_oserror(error, where) from error
	finally:
		progress.close()


def check(options):
	"""`overlay.py check`: returns what to print."""
	folders = {"folders": Base(options.base).folders} if options.base else {}
	series = Series(options.root, **folders)
	for step in series.steps:
		for edit in step.edits:
			parse(series, edit)
	edited = sum(len(step.edits) for step in series.steps)
	added = sum(len(step.adds) for step in series.steps)
	return (f"The overlay is well-formed: {_count(len(series.steps), 'step')}, "
		f"{_count(added, 'file')} added, {_count(edited, 'edit')}.")


def record(options):
	"""`overlay.py record FILE`: returns what to print."""
	base = Base(options.base)
	series = Series(options.root, base.folders)
	inside = os.path.relpath(os.path.abspath(options.file),
				 os.path.abspath(options.root))
	stage = tree.WorkTree(options.tree).stage + ".record"
	kernel = Kernel(series, base, Spatch(os.path.abspath(options.cache), stage),
			options.jobs)
	tree.claim(stage)
	try:
		for step in series.steps:
			for edit in step.edits:
				if edit.kind == "supersede" and \
				   edit.path in (inside, options.file):
					kernel.add_all(step)
					return _record(series, edit, kernel)
			kernel.step(step)
	except OSError as error:
		raise failure.from_oserror(error, options.root) from error
	finally:
		base.close()
		tree.remove(stage)
	raise Failure(f"{options.file} is no .supersede file of the series.")


def _record(series, edit, kernel):
	found = kernel.file(edit.target)
	if found is None:
		raise Failure(f"{edit.path}: the kernel has no {edit.target} at this "
			      "step.")
	new = edits.record(edit.path, series.read(edit.path), edit.target,
			   decode(found[1]), kernel.base.version)
	path = os.path.join(series.root, edit.path)
	mode = stat.S_IMODE(os.stat(path).st_mode)
	with open(path + "~", "wb") as file:
		file.write(new.encode("utf-8", "surrogateescape"))
	os.chmod(path + "~", mode)
	os.replace(path + "~", path)
	return (f"{edit.path}: recorded as reviewed at {kernel.base.version}.")


def _options(arguments):
	root = os.path.dirname(os.path.dirname(_HERE))
	parser = argparse.ArgumentParser(
		prog="overlay.py", description="Applies the overlay to the base "
		"kernel.")
	commands = parser.add_subparsers(dest="command", required=True)
	for name, what in (("build", "make or renew the tree"),
			   ("check", "read everything, change nothing"),
			   ("record", "record superseded functions as reviewed")):
		one = commands.add_parser(name, help=what, description=what)
		one.add_argument("--root", default=root,
				 help="the overlay (default: %(default)s)")
		one.add_argument("--base", metavar="REPOSITORY",
				 default=None if name == "check" else
				 "build/base.git",
				 help="bare repository whose branch 'base' is the "
				 "base kernel (default: %(default)s)")
		if name == "check":
			continue
		one.add_argument("--tree", default="build/linux",
				 help="the result (default: %(default)s)")
		one.add_argument("--cache", default="build/cache",
				 help="what spatch did before (default: %(default)s)")
		one.add_argument("--jobs", type=int, metavar="N",
				 default=len(os.sched_getaffinity(0)),
				 help="processes at a time (default: %(default)s)")
		if name == "build":
			one.add_argument("--report", default="build/report",
					 help="folder (default: %(default)s)")
			one.add_argument("--quiet", action="store_true",
					 help="show no progress")
		else:
			one.add_argument("file", metavar="FILE.STEP.supersede")
	return parser.parse_args(arguments)


def main(arguments=None):
	"""Run the command line; returns the exit status."""
	options = _options(arguments)
	for number in process.SIGNALS:
		signal.signal(number, process.interrupt)
	try:
		text = {"build": build, "check": check,
			"record": record}[options.command](options)
		print(text)
		return 0
	except Failure as error:
		print(f"overlay: {error}", file=sys.stderr)
		if options.command == "build":
			print(_untouched(options), file=sys.stderr)
		return 1
	except Interrupted as error:
		process.kill_all()
		print("overlay: Interrupted. Run again to start over.",
		      file=sys.stderr)
		if options.command == "build":
			print(_untouched(options), file=sys.stderr)
		return 128 + error.number


def _untouched(options):
	if getattr(options, "swapped", False):
		return (f"overlay: {options.tree} is new and whole, but the report "
			"or the old tree is not dealt with. Run again.")
	there = tree.WorkTree(options.tree).exists()
	return (f"overlay: {options.tree} is as it was." if there else
		f"overlay: No {options.tree} was made.")


if __name__ == "__main__":
	sys.exit(main())
