# SPDX-License-Identifier: GPL-2.0-only
"""Keeps results by what they were made from, so that only changes cost time."""

import hashlib
import json
import os

# How many results of earlier runs are kept beside those of the last one.
SPARE = 4000


def digest(*parts):
    """Return a key for @parts, each bytes or str."""
    state = hashlib.blake2b(digest_size=20)
    for part in parts:
        if isinstance(part, str):
            part = part.encode("utf-8", "surrogateescape")
        state.update(b"%d:" % len(part))
        state.update(part)
    return state.hexdigest()


class Cache:
    """Results of one kind, in one file of the cache's folder.

    @fingerprint stands for all that made the results besides their input:
    with another one, the cache is empty. A file that cannot be read is an
    empty cache, never an error.
    """

    def __init__(self, folder, kind, fingerprint):
        self.path = os.path.join(folder, f"{kind}.json")
        self.fingerprint = fingerprint
        self.results = {}
        self.used = {}
        self.changed = False
        try:
            with open(self.path, encoding="utf-8") as stream:
                stored = json.load(stream)
            if stored["fingerprint"] == fingerprint:
                self.results = dict(stored["results"])
        except (OSError, ValueError, KeyError, TypeError):
            pass

    def get(self, key):
        """Return the result kept under @key, or None."""
        result = self.results.get(key)
        if result is not None:
            self.used[key] = result
        return result

    def put(self, key, result):
        """Keep @result, which JSON can hold, under @key."""
        self.results[key] = self.used[key] = result
        self.changed = True

    def save(self):
        """Write what is new; raises OSError."""
        if not self.changed:
            return
        spare = [k for k in self.results if k not in self.used]
        for key in spare[:max(0, len(spare) - SPARE)]:
            del self.results[key]
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        temporary = self.path + ".new"
        with open(temporary, "w", encoding="utf-8") as stream:
            json.dump({"fingerprint": self.fingerprint,
                       "results": self.results}, stream)
        os.replace(temporary, self.path)
