# SPDX-License-Identifier: GPL-2.0-only
"""The files of a tree: their hooks found and judged, and rewritten."""

import os
import re
import stat

import cache as caching
import ctext
import judge
import rewrite
import scan
import shape
import shared
import spatch

# What a verdict depends on, besides the programs. The subsystems' names are
# looked at after the caches.
_TABLES = ("calls", "counterparts", "locks", "reviewed")
HERE = os.path.dirname(os.path.abspath(__file__))
_OWN_HEADER = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
# How many files are judged between two words on progress.
_STRIDE = 50


def _fingerprint(dialect):
    """Return a key for the tool itself, its tables, and spatch."""
    parts = [dialect.hook, spatch.version()]
    for name in sorted(os.listdir(HERE)):
        path = os.path.join(HERE, name)
        if name.endswith((".py", ".cocci")) or name in _TABLES:
            with open(path, "rb") as stream:
                parts += [name, stream.read()]
    return caching.digest(*parts)


def _read(path):
    with open(path, "rb") as stream:
        return stream.read()


def _candidates(tree):
    """Yield (path, content) of the C files of @tree that name mmap.

    A link is no file of the tree: what it leads to is, if it is below @tree.
    """
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(f for f in folders if f != ".git")
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith((".c", ".h")) and os.path.isfile(path) \
                    and not os.path.islink(path):
                content = _read(path)
                if b"mmap" in content:
                    yield os.path.relpath(path, tree), content


def _source(content):
    return ctext.Source(content.decode("utf-8", "surrogateescape"))


def _own_headers(path, content, seen):
    """Return the contents of the headers of the folder of @path that
    @content includes, and of those that they do; each once."""
    found = []
    for name in _OWN_HEADER.findall(content.decode("utf-8",
                                                   "surrogateescape")):
        header = os.path.normpath(os.path.join(os.path.dirname(path), name))
        if header not in seen and os.path.isfile(header):
            seen.add(header)
            text = _read(header)
            found += [text, *_own_headers(header, text, seen)]
    return found


def _hidden_parameter(source, headers, names):
    """Return the name of a macro that @headers, contents, define, and that
    stands for a parameter of one of the hooks @names; or ""."""
    if not names or not headers:
        return ""
    macros = _source(b"\n".join(headers))
    for name in names:
        for definition in source.definitions(name):
            parameters = set(re.findall(r"(\w+)\s*(?:,|$)",
                                        definition.parameters))
            for token in ctext.tokens(definition.body):
                if parameters & macros.expansion(token):
                    return token
    return ""


class Tree:
    """The files of a tree, with the hooks that were found and judged.

    @cache  the folder for results of earlier runs
    @meter  told how far the work is
    """

    def __init__(self, root, dialect, cache, jobs, meter):
        self.root = root
        self.dialect = dialect
        self.cache = cache
        self.jobs = jobs
        self.meter = meter
        self.fingerprint = _fingerprint(dialect)
        self.contents = {}      # path -> bytes, of files with a hook
        self.keys = {}          # path -> key of its content, the same
        self.found = {}         # path -> [(Hook, Verdict or None)]
        self.shared = {}        # path -> names of shared hooks to convert
        self.others = {}        # path -> [Hook], of other structures
        self.shapes = None      # shape.Shapes of all the files

    def examine(self):
        """Find and judge every hook; files seen before cost nothing."""
        self.meter.say("reading the files")
        cache = caching.Cache(self.cache, "examined", self.fingerprint)
        new = {}
        results = {}
        everything = {}
        for path, content in _candidates(self.root):
            everything[path] = content
            headers = _own_headers(os.path.join(self.root, path), content,
                                   set())
            key = caching.digest(content, *headers)
            results[path] = cache.get(key)
            if results[path] is None:
                new[path] = content, headers
            if results[path] is None or results[path]["hooks"]:
                self.contents[path] = content
                self.keys[path] = key
        for path, result in self._examine_new(new).items():
            results[path] = result
            cache.put(self.keys[path], result)
        functions = {}
        for path in sorted(results):
            self.found[path] = [
                (scan.Hook(**hook),
                 judge.Verdict(*verdict) if verdict else None)
                for hook, verdict in results[path]["hooks"]]
            self.others[path] = [scan.Hook(**hook)
                                 for hook in results[path]["others"]]
            functions[path] = results[path]["functions"]
        self.shapes = shape.Shapes(functions)
        cache.save()
        self._settle_shared(everything)

    def _settle_shared(self, everything):
        """Judge the hooks that several files name, of @everything."""
        verdicts, places = shared.settle(everything, self.found, self.dialect)
        for path, hooks in self.found.items():
            self.found[path] = [
                (hook, verdicts[hook.hook]
                 if shared.is_open(verdict) else verdict)
                for hook, verdict in hooks]
        for name, verdict in verdicts.items():
            for path in places[name] if verdict.shape else ():
                self.shared.setdefault(path, []).append(name)
                if path not in self.contents:
                    self.contents[path] = everything[path]
                    self.keys[path] = caching.digest(everything[path])

    def _examine_new(self, files):
        """Return {path: what is known of it, as JSON keeps it}.

        @files  {path: (content, contents of its own headers)}
        """
        self.meter.say(f"looking for hooks in {len(files)} files")
        by_cocci = scan.cocci(self.root, sorted(files), self.dialect,
                              self.jobs)
        results = {}
        for number, (path, (content, headers)) in enumerate(files.items()):
            if number % _STRIDE == 0:
                self.meter.say("judging", number, len(files))
            source = _source(content)
            hooks = scan.merge(
                scan.lexical(source, (scan.LIVE, self.dialect.hook)),
                by_cocci[path])
            results[path] = {
                "hooks": [[hook.as_dict(), verdict] for hook, verdict in
                          self._judged(source, hooks, headers)],
                "others": [hook.as_dict() for hook in
                           scan.others(source, self.dialect.hook, hooks)],
                "functions": shape.functions(source, self.dialect.struct),
            }
        return results

    def _judged(self, source, hooks, headers):
        """Yield (Hook, Verdict as a list or None) for @hooks of one file."""
        verdicts = judge.judge(source, hooks, self.dialect)
        accepted = [name for name, verdict in verdicts.items()
                    if verdict.shape or shared.is_open(verdict)]
        # The rules look at files one by one: all hooks of this one are left.
        macro = _hidden_parameter(source, headers, accepted)
        for hook in hooks:
            verdict = verdicts.get(hook.hook) \
                if hook.member == scan.LIVE else None
            if macro and hook.hook in accepted and verdict:
                verdict = judge.Verdict(
                    "", f"a macro hides a parameter: {macro}")
            yield hook, verdict.as_list() if verdict else None

    def accepted(self):
        """Return the paths of the files that have a hook to convert, or name
        one that others have."""
        paths = [path for path, found in self.found.items()
                 if any(verdict and verdict.shape for _, verdict in found)]
        return paths + [path for path in self.shared if path not in paths]

    def old_text(self, path):
        """Return the text of the file @path, which has a hook."""
        return self.contents[path].decode("utf-8", "surrogateescape")

    def rewrite(self, paths):
        """Rewrite the accepted hooks of @paths.

        Returns ({path: new text}, {path: why nothing was done}).
        """
        cache = caching.Cache(self.cache, "rewritten", self.fingerprint)
        keys = {path: caching.digest(self.keys[path],
                                     *sorted(self.shared.get(path, ())))
                for path in paths}
        wanted = {path: cache.get(keys[path]) for path in paths}
        texts = {path: self.old_text(path)
                 for path in paths if wanted[path] is None}
        self.meter.say(f"rewriting {len(texts)} files")
        everywhere = {name for names in self.shared.values() for name in names}
        made = rewrite.rewrite(texts, everywhere, self.dialect, self.jobs)
        for path, text in texts.items():
            try:
                wanted[path] = [self._finished(path, made[path]), ""]
            except rewrite.Incomplete as problem:
                wanted[path] = [text, str(problem)]
            cache.put(keys[path], wanted[path])
        cache.save()
        return self._all_or_none(wanted)

    def _finished(self, path, made):
        """Return the new text of @path, of which Coccinelle has made @made."""
        verdicts = [(hook.hook, verdict)
                    for hook, verdict in self.found.get(path, ())
                    if verdict and verdict.shape]
        names = {name for name, _ in verdicts} | \
            set(self.shared.get(path, ()))
        carriers = {carrier for _, verdict in verdicts
                    for carrier in verdict.carriers}
        return rewrite.finish(
            self.old_text(path), made,
            {name: self.dialect.new_name(name) for name in sorted(names)},
            carriers, self.dialect)

    def _all_or_none(self, wanted):
        """Return what rewrite() does, from {path: (new text, why not)}: a
        file that shares a hook with one that failed is left alone too."""
        failed = {path: why for path, (_, why) in wanted.items() if why}
        while True:
            names = {name for path in failed
                     for name in self.shared.get(path, ())}
            more = [path for path in wanted if path not in failed
                    and names & set(self.shared.get(path, ()))]
            if not more:
                return ({path: text for path, (text, _) in wanted.items()
                         if path not in failed}, failed)
            failed.update(dict.fromkeys(
                more, "a file that shares its hook is refused"))

    def replace(self, path, text):
        """Give file @path the content @text: a new file, then a rename."""
        target = os.path.join(self.root, path)
        mode = stat.S_IMODE(os.stat(target).st_mode)
        with open(target + ".new", "w", encoding="utf-8", newline="",
                  errors="surrogateescape") as stream:
            stream.write(text)
        os.chmod(target + ".new", mode)
        os.replace(target + ".new", target)
