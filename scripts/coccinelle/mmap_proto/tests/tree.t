#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""convert.py's command line: files, reports, repetition, errors."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOOL, "..", "..", "overlay"))

import tap  # noqa: E402

DRIVER = """\
#include <linux/fs.h>

static const struct vm_operations_struct NAME_ops = {
	.fault = NAME_fault,
};

static int NAME_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &NAME_ops;
	return 0;
}

static const struct file_operations NAME_fops = {
	.mmap = NAME_mmap,
};
"""
# Structures that are listed, one of them by an assignment.
LISTED = """\
static int n_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start, 0, 4096, vma->vm_page_prot);
}

const struct proto_ops n_ops = { .mmap = n_mmap, };
const struct proto_ops no_ops = { .mmap = NULL, };

struct fb_ops f_ops = {
	.fb_mmap = f_mmap,
};

void f(struct bin_attribute *attr)
{
	attr->mmap = n_mmap;
}
"""
HEADER = ("file,line,ops_struct,instance,hook,shape,result,reason\n")


class Tree(unittest.TestCase):
    """A tree of four drivers, three of which can be converted."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mmap-tree-")
        self.addCleanup(shutil.rmtree, self.folder)
        for path in ("mm/one.c", "drivers/gpu/drm/two.c", "drivers/tty/out.c",
                     "drivers/gpu/drm/i915/three.c"):
            self.write("tree/" + path, DRIVER.replace(
                "NAME", os.path.basename(path)[:-2]))
        self.write("tree/mm/none.c", "int mmap_nothing;\n")
        self.write("tree/mm/latin.c", b"/* mmap \xe9 */\n")
        self.write("tree/drivers/tty/out.c",
                   DRIVER.replace("NAME", "out").replace("vma->vm_ops", "seen"))
        # Counts the runs of spatch.
        self.write("spatch", "#!/bin/sh\n"
                   f"echo \"$*\" >> {self.folder}/runs\nexec spatch \"$@\"\n")
        os.chmod(os.path.join(self.folder, "spatch"), 0o755)

    def write(self, path, content):
        """Make the file @path of the test's folder."""
        target = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if isinstance(content, str):
            content = content.encode()
        with open(target, "wb") as stream:
            stream.write(content)

    def read(self, path):
        """Return the text of file @path of the test's folder."""
        with open(os.path.join(self.folder, path), encoding="utf-8",
                  errors="surrogateescape") as stream:
            return stream.read()

    def run_tool(self, *arguments, **variables):
        """Run convert.py; return the finished process."""
        environment = dict(os.environ,
                           SPATCH=os.path.join(self.folder, "spatch"))
        environment.update(variables)
        return subprocess.run(
            [os.path.join(TOOL, "convert.py"), *arguments],
            cwd=self.folder, env=environment, capture_output=True, text=True,
            check=False)

    def convert(self, report="report", **variables):
        """Convert the tree; return the number of spatch runs over files."""
        self.write("runs", "")
        done = self.run_tool("tree", "--tree", "tree", "--report", report,
                             "--cache", "cache", **variables)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return sum("--dir" in run for run in self.read("runs").splitlines())

    def all_files(self, folder):
        """Return {path: text} of @folder."""
        found = {}
        for where, _, names in os.walk(os.path.join(self.folder, folder)):
            for name in names:
                path = os.path.relpath(os.path.join(where, name), self.folder)
                found[path] = self.read(path)
        return found

    def summary(self, folder):
        """Return the totals and reasons of the report in @folder."""
        counts = json.loads(self.read(folder + "/summary.json"))
        return [counts[name] for name in
                ("found", "converted", "refused", "listed", "reasons")]

    def test_report(self):
        """tree: every hook is in hooks.csv, in order, with its reason"""
        self.write("tree/net/ops.c", LISTED)
        self.convert()
        self.assertEqual(self.read("report/hooks.csv"), HEADER + (
            "drivers/gpu/drm/i915/three.c,14,file_operations,three_fops,"
            "three_mmap,plain,converted,\n"
            "drivers/gpu/drm/two.c,14,file_operations,two_fops,two_mmap,"
            "plain,converted,\n"
            "drivers/tty/out.c,14,file_operations,out_fops,out_mmap,plain,"
            "refused,changes state: it writes what is not its own\n"
            "mm/one.c,14,file_operations,one_fops,one_mmap,plain,"
            "converted,\n"
            "net/ops.c,6,proto_ops,n_ops,n_mmap,remap_pfn,listed,\n"
            "net/ops.c,10,fb_ops,f_ops,f_mmap,unknown,listed,\n"
            "net/ops.c,15,bin_attribute,attr,n_mmap,remap_pfn,listed,\n"))
        self.assertEqual(self.summary("report"),
                         [4, 3, 1, 3, {"changes state": 1}])

    def test_summary(self):
        """tree: the counts by shape and by subsystem"""
        self.write("tree/net/ops.c", LISTED)
        self.convert()
        counts = json.loads(self.read("report/summary.json"))
        none = {"converted": 0, "refused": 0, "listed": 0}
        self.assertEqual(counts["shapes"], {
            "plain": dict(none, converted=3, refused=1),
            "remap_pfn": dict(none, listed=2),
            "unknown": dict(none, listed=1)})
        self.assertEqual(counts["subsystems"], {
            "drm": dict(none, converted=1),
            "drm/i915": dict(none, converted=1),
            "mm": dict(none, converted=1), "net": dict(none, listed=3),
            "tty": dict(none, refused=1)})

    def test_by_hand(self):
        """tree: a hook converted before says which step did it"""
        self.write("tree/mm/one.c", DRIVER.replace(
            "NAME", "one").replace("one_mmap", "one_mmap_proto").replace(
                ".mmap =", ".mmap_proto =").replace(
                    "struct file *file, struct vm_area_struct *vma",
                    "struct vma_proto *proto"))
        self.write("steps.json", json.dumps({"mm/one.c": "mmap-one"}))
        self.run_tool("tree", "--tree", "tree", "--report", "report",
                      "--cache", "cache", "--steps", "steps.json")
        self.assertIn("mm/one.c,14,file_operations,one_fops,one_mmap_proto,"
                      "plain,converted,by hand in mmap-one\n",
                      self.read("report/hooks.csv"))

    def test_by_hand_too(self):
        """tree: a commit lists what the rules have converted, not the rest"""
        hand = DRIVER.replace("NAME", "hand").replace(
            "hand_mmap", "hand_mmap_proto").replace(
                ".mmap =", ".mmap_proto =").replace(
                    "struct file *file, struct vm_area_struct *vma",
                    "struct vma_proto *proto")
        self.write("tree/mm/one.c", DRIVER.replace("NAME", "one") + hand)
        self.convert()
        message = json.loads(self.read("report/commits.json"))[2]["message"]
        self.assertTrue(message.endswith("\n\n  mm/one.c: one_mmap\n"))

    def test_bad_steps(self):
        """errors: a list of steps that is none"""
        self.write("steps.json", "{")
        done = self.run_tool("tree", "--tree", "tree", "--report", "report",
                             "--cache", "cache", "--steps", "steps.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("steps.json is no list of steps", done.stderr)

    def test_changed(self):
        """tree: only what can be converted is changed"""
        before = self.all_files("tree")
        self.convert()
        after = self.all_files("tree")
        self.assertEqual(sorted(p for p in after if after[p] != before.get(p)),
                         ["tree/drivers/gpu/drm/i915/three.c",
                          "tree/drivers/gpu/drm/two.c", "tree/mm/one.c"])
        self.assertEqual(sorted(before), sorted(after))

    def test_diff(self):
        """tree: conversions.diff makes the new files of the old ones"""
        before = self.all_files("tree")
        self.convert()
        after = self.all_files("tree")
        for path, text in before.items():
            self.write(path.replace("tree/", "old/", 1),
                       text.encode("utf-8", "surrogateescape"))
        subprocess.run(["git", "apply", "--directory=old",
                        "report/conversions.diff"], cwd=self.folder, check=True)
        self.assertEqual({path.replace("old/", "tree/", 1): text for path, text
                          in self.all_files("old").items()}, after)

    def test_progress(self):
        """tree: --progress says on the standard output what is done"""
        done = self.run_tool("tree", "--tree", "tree", "--report", "report",
                             "--cache", "cache", "--progress")
        self.assertEqual(done.stdout.splitlines(), [
            "reading the files", "looking for hooks in 6 files",
            "judging: 0 of 6", "rewriting 3 files", "writing the report"])

    def test_commits(self):
        """tree: one commit a subsystem, that says why and lists its hooks"""
        self.convert()
        commits = json.loads(self.read("report/commits.json"))
        self.assertEqual(
            [(c["message"].split("\n")[:2], c["files"]) for c in commits], [
                (["drm: describe mappings by mmap_proto", ""],
                 ["drivers/gpu/drm/two.c"]),
                (["drm/i915: describe mappings by mmap_proto", ""],
                 ["drivers/gpu/drm/i915/three.c"]),
                (["mm: describe mappings by mmap_proto", ""],
                 ["mm/one.c"])])
        self.assertIn("\n  mm/one.c: one_mmap\n", commits[2]["message"])
        for commit in commits:
            for line in commit["message"].splitlines():
                self.assertLessEqual(len(line), 75)

    def test_again(self):
        """tree: its own output is left alone, and its hooks count"""
        self.convert()
        before = self.all_files("tree")
        self.convert("again")
        self.assertEqual(self.all_files("tree"), before)
        self.assertEqual(self.summary("again"),
                         [4, 3, 1, 0, {"changes state": 1}])
        self.assertEqual(json.loads(self.read("again/commits.json")), [])
        self.assertIn("mm/one.c,15,file_operations,one_fops,one_mmap_proto,plain,"
                      "converted,was converted already\n",
                      self.read("again/hooks.csv"))

    def test_cache(self):
        """tree: spatch runs for what has changed, and only for that"""
        tree = os.path.join(self.folder, "tree")
        shutil.copytree(tree, tree + ".old")

        def restore():
            shutil.rmtree(tree)
            shutil.copytree(tree + ".old", tree)

        self.assertEqual(self.convert(), 2)
        first = self.all_files("tree")
        restore()
        self.assertEqual(self.convert("report2"), 0)
        self.assertEqual(self.all_files("tree"), first)
        self.assertEqual(
            [text for _, text in sorted(self.all_files("report").items())],
            [text for _, text in sorted(self.all_files("report2").items())])
        restore()
        self.write("tree/drivers/tty/out.c", DRIVER.replace("NAME", "outer"))
        self.assertEqual(self.convert("report3"), 2)
        self.assertIn("outer_mmap", self.read("report3/hooks.csv"))

    def test_broken_cache(self):
        """tree: a cache that cannot be read is made anew"""
        self.convert()
        self.write("cache/examined.json", "{\"finger")
        self.write("cache/rewritten.json", "[]")
        self.assertEqual(self.convert(), 1)

    def test_new_inode(self):
        """tree: a changed file is a new one, with the mode of the old"""
        one = os.path.join(self.folder, "tree/mm/one.c")
        os.link(one, os.path.join(self.folder, "kept"))
        os.chmod(one, 0o640)
        before = self.read("kept")
        self.convert()
        self.assertEqual(self.read("kept"), before)
        self.assertNotEqual(self.read("tree/mm/one.c"), before)
        self.assertEqual(stat.S_IMODE(os.stat(one).st_mode), 0o640)

    def test_encoding(self):
        """tree: a converted file keeps bytes that are not UTF-8"""
        text = DRIVER.replace("NAME", "one").encode() + b"/* caf\xe9 */\n"
        self.write("tree/mm/one.c", text)
        self.convert()
        self.assertTrue(self.read("tree/mm/one.c").endswith(
            "/* caf\udce9 */\n"))
        self.assertIn("one_mmap_proto", self.read("tree/mm/one.c"))

    def test_dialect(self):
        """tree: the other dialect has its own names and no header"""
        done = self.run_tool("tree", "--tree", "tree", "--report", "report",
                             "--cache", "cache",
                             "--dialect", "mmap_prepare")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        expected = DRIVER.replace("NAME", "one").replace(
            "(struct file *file, struct vm_area_struct *vma)",
            "(struct vm_area_desc *desc)").replace("vma->", "desc->").replace(
                "one_mmap", "one_mmap_prepare").replace(
                    ".mmap =", ".mmap_prepare =")
        self.assertEqual(self.read("tree/mm/one.c"), expected)

    def test_no_tree(self):
        """errors: no tree"""
        done = self.run_tool("tree", "--tree", "nowhere", "--report", "report",
                             "--cache", "cache")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr,
                         "convert.py: There is no folder nowhere; give the "
                         "tree to convert with --tree.\n")

    def test_no_spatch(self):
        """errors: no Coccinelle"""
        done = self.run_tool("tree", "--tree", "tree", "--report", "report",
                             "--cache", "cache", SPATCH="/nonexistent")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Install the package coccinelle", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_failing_spatch(self):
        """errors: Coccinelle fails: nothing is changed, nothing reported"""
        self.write("spatch", "#!/bin/sh\ncase $1 in\n--version) echo 1 ;;\n"
                   "*) echo no memory >&2; exit 3 ;;\nesac\n")
        before = self.all_files("tree")
        done = self.run_tool("tree", "--tree", "tree", "--report", "report",
                             "--cache", "cache")
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed with status 3: no memory", done.stderr)
        self.assertEqual(self.all_files("tree"), before)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "report")))

    def test_hanging_spatch(self):
        """errors: Coccinelle hangs: it is stopped, with its children"""
        self.write("spatch", "#!/bin/sh\ncase $1 in\n--version) echo 1 ;;\n"
                   "*) sleep 300 & echo $! > %s/child; wait ;;\nesac\n"
                   % self.folder)
        done = self.run_tool("tree", "--tree", "tree", "--report", "report",
                             "--cache", "cache", SPATCH_TIMEOUT="1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("has not ended after 1 seconds", done.stderr)
        child = self.read("child").strip()
        try:
            with open(f"/proc/{child}/stat", encoding="utf-8") as stream:
                self.assertEqual(stream.read().split()[2], "Z")
        except FileNotFoundError:
            pass

    def test_status(self):
        """status: the table of a report, in 80 columns"""
        long = "x" * 200
        self.write("report/hooks.csv", HEADER + (
            "mm/a.c,1,file_operations,a,a_mmap,plain,converted,\n"
            "mm/b.c,1,file_operations,b,b_mmap,,refused,takes: b\n"
            "fs/c.c,1,file_operations,c,c_mmap,,refused,takes: c\n"
            f"{long}/d.c,1,file_operations,d,d_mmap,,refused,{long}\n"
            "mm/e.c,1,proto_ops,e,e_mmap,plain,listed,\n"))
        done = self.run_tool("status", "--report", "report")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "4 hooks: 1 converted, 3 refused")
        self.assertIn("     2  takes", lines)
        rows = [line.split() for line in lines[-3:]]
        self.assertEqual(rows[:2], [["c", "-", "1", "-"],
                                    ["mm", "1", "1", "1"]])
        self.assertEqual(rows[2][1:], ["-", "1", "-"])
        self.assertIn(["plain", "1", "-", "1"],
                      [line.split() for line in lines])
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_status_without_report(self):
        """status: says that there is no report"""
        done = self.run_tool("status", "--report", "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn("There is no report in nowhere", done.stderr)


if __name__ == "__main__":
    tap.main()
