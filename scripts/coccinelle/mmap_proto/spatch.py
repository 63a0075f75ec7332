# SPDX-License-Identifier: GPL-2.0-only
"""Runs Coccinelle on a folder of files, each taken by itself."""

import os
import signal
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
# Seconds for one file. What takes longer is as good as not parsed.
TIMEOUT = 120
# Seconds for a whole run, so that a spatch that hangs is an error.
TOTAL_TIMEOUT = int(os.environ.get("SPATCH_TIMEOUT", "1200"))


class SpatchError(Exception):
    """Coccinelle could not be run; the text is a sentence for the user."""


def program():
    """Return the spatch to run: $SPATCH, as for `make coccicheck`."""
    return os.environ.get("SPATCH") or "spatch"


def _run(arguments, folder, limit, variables=()):
    """Run spatch; return what it prints. Raises SpatchError."""
    try:
        with subprocess.Popen([program(), *arguments], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              errors="replace",
                              env={**os.environ, **dict(variables)},
                              start_new_session=True) as process:
            try:
                output, messages = process.communicate(timeout=limit)
            except BaseException:
                # The processes that it has started too.
                os.killpg(process.pid, signal.SIGKILL)
                raise
    except subprocess.TimeoutExpired as error:
        raise SpatchError(
            f"{program()} {' '.join(arguments)} has not ended after {limit} "
            "seconds and was stopped.") from error
    except OSError as error:
        raise SpatchError(
            f"{program()} cannot be run: {error.strerror}. Install the "
            "package coccinelle, or set SPATCH to the program.") from error
    if process.returncode:
        last = (messages.strip().splitlines() or ["no message"])[-1]
        raise SpatchError(f"{program()} {' '.join(arguments)} failed with "
                          f"status {process.returncode}: {last}")
    return output


def version():
    """Return what spatch says of its version."""
    return _run(["--version"], ".", TIMEOUT).splitlines()[0]


def run(rules, folder, options, jobs, variables=()):
    """Run the semantic patch @rules of this directory over @folder.

    The folder is walked by spatch's `--dir`: files given by name would be
    taken for one program, which costs gigabytes. @variables are set in the
    environment. Returns what is printed;
    raises SpatchError.
    """
    arguments = ["--very-quiet", "--no-includes", "--include-headers",
                 "--timeout", str(TIMEOUT), *options,
                 "--sp-file", os.path.join(HERE, rules), "--dir", "."]
    if jobs > 1:
        arguments += ["--jobs", str(jobs)]
    return _run(arguments, folder, TOTAL_TIMEOUT, variables)
