# SPDX-License-Identifier: GPL-2.0-only
"""Shows how far a run is."""

import shutil
import sys
import threading
import time

import process


class Progress:
	"""On a terminal one line that is rewritten, elsewhere a line per step.

	Usable from several threads. @stream is written to; @quiet says nothing
	at all.
	"""

	def __init__(self, stream=None, quiet=False):
		self.stream = stream or sys.stderr
		self.quiet = quiet
		self.begun = time.monotonic()
		self.live = not quiet and self.stream.isatty()
		self.text = ""
		self.shown = 0
		self.guard = threading.Lock()
		self.ticking = None
		self.ended = threading.Event()

	def step(self, text, number=None, total=None):
		"""A step begins: @text, the @number-th of @total where known."""
		count = f"[{number}/{total}] " if total else ""
		with self.guard:
			self.text = count + text
			if self.live:
				self._draw()
			elif not self.quiet:
				self.stream.write(self.text + "\n")
				self.stream.flush()
		if self.live and not self.ticking:
			with process.uninterrupted():
				self.ticking = threading.Thread(target=self._tick,
								daemon=True)
				self.ticking.start()

	def note(self, text):
		"""Something that happens within the step; a terminal shows it."""
		if self.live:
			with self.guard:
				self._draw(text)

	def close(self):
		"""Leave the terminal's line empty, for what is printed next."""
		self.ended.set()
		if self.ticking:
			self.ticking.join()
			self.ticking = None
		with self.guard:
			if self.live and self.shown:
				self.stream.write("\r" + " " * self.shown + "\r")
				self.stream.flush()
				self.shown = 0

	def elapsed(self):
		"""Seconds since the run began."""
		return time.monotonic() - self.begun

	def _draw(self, extra=""):
		width = shutil.get_terminal_size().columns - 1
		line = f"{self.elapsed():5.0f} s  {self.text}"
		if extra:
			line += ": " + extra
		line = line[:width]
		self.stream.write("\r" + line.ljust(self.shown))
		self.stream.flush()
		self.shown = len(line)

	def _tick(self):
		while not self.ended.wait(1):
			with self.guard:
				self._draw()
