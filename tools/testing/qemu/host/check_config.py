#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks that every option of the configuration fragments ended up set.

	check_config.py CONFIG FRAGMENT...

kconfig drops what it cannot set (a dependency is missing, the option was
renamed) without a word. A later fragment overrides an earlier one. Exits
with 1 after naming each option that is not as asked for.
"""

import re
import sys

SET = re.compile(r"(CONFIG_\w+)=(.*)")
UNSET = re.compile(r"# (CONFIG_\w+) is not set")


def options(path):
    """Yield (name, value, line number) of a .config; 'n' where unset."""
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            line = line.strip()
            match = SET.fullmatch(line)
            if match:
                yield match.group(1), match.group(2), number
                continue
            match = UNSET.fullmatch(line)
            if match:
                yield match.group(1), "n", number


def wrong_options(config, fragments):
    """Return a sentence for each option that is not as asked for."""
    actual = {name: value for name, value, _ in options(config)}
    wanted = {}
    for path in fragments:
        for name, value, number in options(path):
            wanted[name] = (value, f"{path}:{number}")
    return [f"{where}: {name}={value} was asked for, but it is "
            f"{actual.get(name, 'n')} in {config}: add what it depends on, "
            f"or take it out"
            for name, (value, where) in wanted.items()
            if actual.get(name, "n") != value]


def main():
    """Check the files of the command line."""
    if len(sys.argv) < 3:
        sys.exit("usage: check_config.py CONFIG FRAGMENT...")
    wrong = wrong_options(sys.argv[1], sys.argv[2:])
    for sentence in wrong:
        print(f"error: {sentence}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
