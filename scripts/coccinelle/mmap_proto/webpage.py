# SPDX-License-Identifier: GPL-2.0-only
"""The report of a conversion as one page for a browser or a printer."""

import html
import urllib.parse

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --add: #1a7f3722;
	--del: #cf222e22; --good: #1a7f37; --bad: #b35900; }
@media (prefers-color-scheme: dark) { :root { --good: #56d364;
	--bad: #f0a04b; } }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto;
	max-width: 75rem; padding: 1rem; }
h2 { margin: 2rem 0 .5rem; }
p { max-width: 45rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .5rem;
	text-align: left; vertical-align: top; }
.counts th:not(:first-child) { text-align: right; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.totals { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; padding: 0; }
.totals li { list-style: none; }
.totals b { display: block; font-size: 2rem; line-height: 1.1; }
.converted { color: var(--good); }
.refused { color: var(--bad); }
code, pre { font: .85rem/1.4 ui-monospace, monospace; }
code, td { overflow-wrap: anywhere; }
.hooks .short, .hooks .converted, .hooks .refused { white-space: nowrap; }
pre { margin: .5rem 0; overflow-x: auto; tab-size: 8; }
pre span { display: block; min-width: max-content; }
.add { background: var(--add); }
.del { background: var(--del); }
summary { cursor: pointer; padding: .3rem 0; overflow-wrap: anywhere; }
input { font: inherit; box-sizing: border-box; width: 100%;
	padding: .4rem; margin: .5rem 0; }
.columns { display: grid; gap: 0 2rem;
	grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); }
@media screen and (max-width: 45rem) {
	.hooks thead { display: none; }
	.hooks tr { display: block; border-bottom: 1px solid var(--line);
		padding: .4rem 0; }
	.hooks td { display: block; border: 0; padding: .1rem 0; }
	.hooks td:empty { display: none; }
	.hooks td[data-label]::before { content: attr(data-label) ": ";
		opacity: .7; }
}
@media print {
	body { font-size: 9pt; max-width: none; padding: 0; }
	.screen { display: none; }
	pre { white-space: pre-wrap; overflow: visible; }
	pre span { min-width: 0; }
	tr { break-inside: avoid; }
	thead { display: table-header-group; }
	a { color: inherit; text-decoration: none; }
}
"""
_SCRIPT = """
document.getElementById("filter").addEventListener("input", (event) => {
	const words = event.target.value.toLowerCase().split(/\\s+/);
	for (const row of document.querySelectorAll(".hooks tbody tr")) {
		const text = row.textContent.toLowerCase();
		row.hidden = !words.every((word) => text.includes(word));
		row.style.display = row.hidden ? "none" : "";
	}
});
function reveal() {
	const id = decodeURIComponent(location.hash.slice(1));
	const target = id && document.getElementById(id);
	if (target && target.tagName === "DETAILS")
		target.open = true;
}
addEventListener("hashchange", reveal);
reveal();
"""
_YES = {"1", "yes", "true"}


def _text(text):
    """Return @text for HTML; bytes that are no UTF-8 become a mark."""
    return html.escape(str(text).encode("utf-8", "surrogateescape")
                       .decode("utf-8", "replace"))


def _cell(content, label="", kind=""):
    """Return a cell of a table that holds the HTML @content."""
    attributes = f' data-label="{_text(label)}"' if label else ""
    attributes += f' class="{_text(kind)}"' if kind else ""
    return f"<td{attributes}>{content}</td>"


def _table(head, lines, kind=""):
    """Return a table: @head, its columns; @lines, rows as HTML."""
    heads = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    return (f'<table class="{kind}"><thead><tr>{heads}</tr></thead>\n<tbody>\n'
            + "\n".join(f"<tr>{line}</tr>" for line in lines)
            + "\n</tbody></table>\n")


def _counted(title, counts):
    """Return the table of what became of the hooks of each kind."""
    results = ("converted", "refused", "listed")
    return _table([title, *results], [
        _cell(_text(name)) + "".join(
            _cell(number[result] or "–", "", "number") for result in results)
        for name, number in counts.items()], "counts")


def _anchor(path):
    return urllib.parse.quote(path.encode("utf-8", "surrogateescape"),
                              safe="/")


class _Tests:
    """What tests found out about hooks, by file and name."""

    def __init__(self, compiled, reached):
        self.compiled = self.reached = None
        if compiled is not None:
            self.compiled = {}
            for row in compiled:
                self.compiled.setdefault(row["file"], []).append(
                    row["configuration"])
        if reached is not None:
            self.reached = {self._key(row["file"], row["hook"])
                            for row in reached
                            if row["reached"].lower() in _YES}

    @staticmethod
    def _key(path, hook):
        """A hook is the same before and after it was renamed."""
        return path, hook.removesuffix("_proto")

    def configurations(self, path):
        """Return the configurations that have compiled @path."""
        return sorted(set(self.compiled.get(path, ())))

    def is_reached(self, row):
        """Tell whether the hook of @row has been called in a kernel."""
        return self._key(row["file"], row["hook"]) in self.reached


def _place(row, source):
    """Return the link to where the hook of @row is in the tree."""
    mark = urllib.parse.quote(row["hook"].encode("utf-8", "surrogateescape"))
    return (f'<a href="{_text(source)}/{_anchor(row["file"])}'
            f'#:~:text={mark}"><code>{_text(row["file"])}:{_text(row["line"])}'
            "</code></a>")


def _hook_row(row, source, patches, tests):
    """Return the cells about a hook of file_operations."""
    result = _text(row["result"])
    if row["result"] == "converted" and not row["reason"] and \
            row["file"] in patches:
        result = f'<a href="#{_anchor(row["file"])}">{result}</a>'
    cells = [_cell(f"<code>{_text(row['hook'])}</code>"),
             _cell(_place(row, source)),
             _cell(_text(row["instance"]), "Instance"),
             _cell(_text(row["shape"]), "Shape", "short"),
             _cell(result, "Result", row["result"]),
             _cell(_text(row["reason"]), "Reason" if row["reason"] else "")]
    if tests.compiled is not None:
        names = tests.configurations(row["file"])
        cells.append(_cell(_text(", ".join(names)),
                           "Compiled" if names else ""))
    if tests.reached is not None:
        cells.append(_cell("yes" if tests.is_reached(row) else "no",
                           "Reached"))
    return "".join(cells)


def _patch(path, text, subject):
    """Return the collapsed diff of the file @path."""
    lines = []
    for line in text.rstrip("\n").split("\n"):
        kind = ""
        if line.startswith("+") and not line.startswith("+++ "):
            kind = ' class="add"'
        elif line.startswith("-") and not line.startswith("--- "):
            kind = ' class="del"'
        lines.append(f"<span{kind}>{_text(line) or ' '}</span>")
    return (f'<details id="{_text(path)}"><summary><code>{_text(path)}</code> '
            f"{_text(subject)}</summary>\n<pre>{''.join(lines)}</pre>"
            "</details>\n")


def _totals(rows, summary, tests):
    """Return the list of the large numbers."""
    hooks = [row for row in rows if row["result"] != "listed"]
    totals = [("hooks of struct file_operations", summary["found"], ""),
              ("converted", summary["converted"], "converted"),
              ("refused", summary["refused"], "refused"),
              ("hooks of other structures", summary["listed"], "")]
    if tests.compiled is not None:
        files = {row["file"] for row in hooks if row["result"] == "converted"}
        totals.append((f"of {len(files)} converted files compiled", sum(
            bool(tests.configurations(path)) for path in files), ""))
    if tests.reached is not None:
        totals.append(("hooks reached in a running kernel",
                       sum(map(tests.is_reached, hooks)), ""))
    return "".join(f'<li class="{kind}"><b>{number}</b> {_text(name)}</li>\n'
                   for name, number, kind in totals)


def page(rows, summary, source, commits, patches, compiled, reached):
    """Return the page, as text of HTML that needs no other file.

    @rows      lines of the report
    @summary   their counts
    @source    the way from the page to the converted tree
    @commits   [{"message", "files"}] of the conversions
    @patches   {path: diff} of the converted files
    @compiled  lines (file, configuration) on what was compiled, or None
    @reached   lines (file, hook, reached) on what was called, or None
    """
    tests = _Tests(compiled, reached)
    subjects = {path: commit["message"].split("\n", 1)[0]
                for commit in commits for path in commit["files"]}
    columns = ["Hook", "Place", "Instance", "Shape", "Result", "Reason"]
    columns += ["Compiled"] * (compiled is not None)
    columns += ["Reached"] * (reached is not None)
    hooks = [row for row in rows if row["result"] != "listed"]
    others = [row for row in rows if row["result"] == "listed"]
    reasons = [_cell(_text(reason)) + _cell(count, "", "number")
               for reason, count in summary["reasons"].items()]
    diffs = "".join(_patch(path, patches[path], subjects.get(path, ""))
                    for path in sorted(patches))
    listed = _table(
        ["Hook", "Place", "Structure", "Shape"],
        [_cell(f"<code>{_text(row['hook'])}</code>")
         + _cell(_place(row, source))
         + _cell(_text(row["ops_struct"]), "Structure")
         + _cell(_text(row["shape"]), "Shape", "short") for row in others], "hooks")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mmap hooks: {summary['converted']} of {summary['found']} converted\
</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Conversion of mmap hooks</h1>
<ul class="totals">
{_totals(rows, summary, tests)}</ul>
<p class="screen"><a href="#hooks">All hooks</a> · <a href="#diffs">Diffs</a> ·
<a href="#listed">Hooks of other structures</a></p>
<div class="columns">
<section><h2>By shape</h2>
{_counted('Shape', summary['shapes'])}</section>
<section><h2>By reason</h2>
{_table(['Refused because', 'hooks'], reasons, 'counts')}</section>
</div>
<h2>By subsystem</h2>
{_counted('Subsystem', summary['subsystems'])}
<h2 id="hooks">Hooks of struct file_operations</h2>
<label class="screen">Show those that have these words:
<input id="filter" type="search"></label>
{_table(columns, [_hook_row(row, source, patches, tests) for row in hooks],
        'hooks')}
<h2 id="diffs">Diffs</h2>
<p>What the rules changed, file by file. A printer shows those that are open.\
</p>
{diffs}
<h2>Hooks of other structures</h2>
<details id="listed"><summary>{len(others)} are listed; they are not
converted by the rules.</summary>
{listed}</details>
<script>{_SCRIPT}</script>
</body>
</html>
"""
