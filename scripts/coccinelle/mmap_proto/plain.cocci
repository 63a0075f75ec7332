// SPDX-License-Identifier: GPL-2.0-only
/// An .mmap that only describes the mapping (checks, flags, vm_ops, private
/// data, page protection) can be an .mmap_proto: the same description, made
/// before anything is merged, allocated or torn down.
///
// Which hooks are of this shape is not decided here but by judge.py, which
// gate.py asks; the rules only rewrite what it has accepted. The names that
// differ between dialects are given by -D; see dialect.py.
//
// Confidence: High
// URL: https://coccinelle.gitlabpages.inria.fr/website
// Comments: Looks at each file by itself, as convert.py does; that also finds a
// better place for the include, and aligns columns.
// Keywords: mmap, file_operations
// Options: --no-includes --include-headers -D proto_hook=mmap_proto -D proto_struct=vma_proto -D proto=proto -D proto_flags=flags
// Requires: 1.1.0

virtual patch
virtual context
virtual org
virtual report
virtual no_header

@initialize:python@
@@

import os
import sys

def semantic_patch():
    with open("/proc/self/cmdline", encoding="utf-8") as line:
        for word in line.read().split(chr(0)):
            if word.endswith(".cocci"):
                return os.path.abspath(word)
    return os.path.abspath(".")

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(semantic_patch()))
import gate

@hook@
identifier instance, fn;
position p;
@@

(
struct file_operations instance = {
	.mmap = fn@p,
};
|
struct file_operations instance[...] = {
	...,
	{ .mmap = fn@p, },
	...,
};
)

@script:python@
fn << hook.fn;
p << hook.p;
@@

gate.parsed(p[0].file, p[0].line, fn)

@definition@
identifier fn, vma;
type T;
position p;
@@

 T fn@p(..., struct vm_area_struct *vma, ...)
 {
	...
 }

// Hooks, and the functions that these give their VMA to. A match that a script
// drops is lost to all that follows: a name that nobody has stands for none.

@script:python accepted@
fn << definition.fn;
p << definition.p;
member << virtual.proto_hook;
oldfn;
@@

known = gate.accepts(p[0].file, fn, member) or \
    gate.carries(p[0].file, fn, member)
coccinelle.oldfn = cocci.make_ident(fn if known else gate.NOBODY)

@given@
identifier fn, vma;
type T;
position p;
@@

 T fn@p(..., struct vm_area_struct *vma, ...)
 {
	...
 }

@script:python carried@
fn << given.fn;
p << given.p;
member << virtual.proto_hook;
carrier;
@@

name = fn if gate.carries(p[0].file, fn, member) else gate.NOBODY
coccinelle.carrier = cocci.make_ident(name)

@script:python renamed@
fn << definition.fn;
p << definition.p;
member << virtual.proto_hook;
oldfn;
newfn;
@@

name = fn if gate.accepts(p[0].file, fn, member) else gate.NOBODY
coccinelle.oldfn = cocci.make_ident(name)
coccinelle.newfn = cocci.make_ident(gate.new_name(name, member))

@script:python initialised@
fn << hook.fn;
p << hook.p;
member << virtual.proto_hook;
oldfn;
newfn;
@@

if gate.accepts(p[0].file, fn, member):
    coccinelle.oldfn = cocci.make_ident(fn)
    coccinelle.newfn = cocci.make_ident(gate.new_name(fn, member))
else:
    cocci.include_match(False)

@script:python depends on report@
fn << hook.fn;
p << hook.p;
member << virtual.proto_hook;
newfn << initialised.newfn;
@@

coccilib.report.print_report(p[0], gate.message(fn, member))

@script:python depends on org@
fn << hook.fn;
p << hook.p;
member << virtual.proto_hook;
newfn << initialised.newfn;
@@

coccilib.org.print_todo(p[0], gate.message(fn, member))

@depends on context@
identifier instance, initialised.oldfn;
@@

(
struct file_operations instance = {
*	.mmap = oldfn,
};
|
struct file_operations instance[...] = {
	...,
*	{ .mmap = oldfn, },
	...,
};
)

// A metavariable called `file` would stand for the tag of struct file too.

@flags depends on patch@
identifier accepted.oldfn, vma;
identifier virtual.proto, virtual.proto_flags;
identifier flag, one;
expression set, clear, left, right;
type T;
@@

 T oldfn(..., struct vm_area_struct *vma, ...)
 {
	<...
(
-	vm_flags_set(vma, set);
+	proto->proto_flags |= set;
|
-	vm_flags_clear(vma, flag);
+	proto->proto_flags &= ~flag;
|
-	vm_flags_clear(vma, clear);
+	proto->proto_flags &= ~(clear);
|
-	vm_flags_reset(vma, set);
+	proto->proto_flags = set;
|
-	vm_flags_init(vma, set);
+	proto->proto_flags = set;
|
-	vm_flags_mod(vma, 0, flag);
+	proto->proto_flags &= ~flag;
|
-	vm_flags_mod(vma, 0, clear);
+	proto->proto_flags &= ~(clear);
|
-	vm_flags_mod(vma, set, 0);
+	proto->proto_flags |= set;
|
-	vm_flags_mod(vma, one, flag);
+	proto->proto_flags = (proto->proto_flags | one) & ~flag;
|
-	vm_flags_mod(vma, one, clear);
+	proto->proto_flags = (proto->proto_flags | one) & ~(clear);
|
-	vm_flags_mod(vma, left | right, flag);
+	proto->proto_flags = (proto->proto_flags | left | right) & ~flag;
|
-	vm_flags_mod(vma, left | right, clear);
+	proto->proto_flags = (proto->proto_flags | left | right) & ~(clear);
|
-	vm_flags_mod(vma, set, flag);
+	proto->proto_flags = (proto->proto_flags | (set)) & ~flag;
|
-	vm_flags_mod(vma, set, clear);
+	proto->proto_flags = (proto->proto_flags | (set)) & ~(clear);
)
	...>
 }

@passed depends on patch@
identifier accepted.oldfn, carried.carrier, vma;
identifier virtual.proto;
type T;
@@

 T oldfn(..., struct vm_area_struct *vma, ...)
 {
	<...
	carrier(...,
-	vma
+	proto
	, ...)
	...>
 }

// The other functions that are given the VMA have counterparts; the list of that name
// says which. Their other arguments are left to the rules below.

@taker depends on patch@
identifier accepted.oldfn, vma, helper;
type T;
@@

 T oldfn(..., struct vm_area_struct *vma, ...)
 {
	<+...
	helper(vma, ...)
	...+>
 }

@script:python taken@
helper << taker.helper;
member << virtual.proto_hook;
other;
@@

coccinelle.other = cocci.make_ident(
    gate.counterpart(helper, member, ("query", "action")))

@takers depends on patch@
identifier accepted.oldfn, vma, taker.helper, taken.other;
identifier virtual.proto;
expression list rest;
type T;
@@

 T oldfn(..., struct vm_area_struct *vma, ...)
 {
	<...
(
-	helper(vma)
+	other(proto)
|
-	helper(vma, rest)
+	other(proto, rest)
)
	...>
 }

@below depends on patch@
identifier renamed.oldfn, filp, vma, helper;
@@

 int oldfn(struct file *filp, struct vm_area_struct *vma)
 {
	<+...
	helper(filp, vma)
	...+>
 }

@script:python asked@
helper << below.helper;
member << virtual.proto_hook;
other;
@@

coccinelle.other = cocci.make_ident(
    gate.counterpart(helper, member, ("hook",)))

@hooks_below depends on patch@
identifier renamed.oldfn, filp, vma, below.helper, asked.other;
identifier virtual.proto;
@@

 int oldfn(struct file *filp, struct vm_area_struct *vma)
 {
	<...
-	helper(filp, vma)
+	other(proto)
	...>
 }

@second depends on patch@
identifier accepted.oldfn, vma, helper;
expression first;
type T;
@@

 T oldfn(..., struct vm_area_struct *vma, ...)
 {
	<+...
	helper(first, vma, ...)
	...+>
 }

@script:python moved@
helper << second.helper;
member << virtual.proto_hook;
other;
@@

coccinelle.other = cocci.make_ident(
    gate.counterpart(helper, member, ("action2",)))

@seconds depends on patch@
identifier accepted.oldfn, vma, second.helper, moved.other;
identifier virtual.proto;
expression first;
expression list rest;
type T;
@@

 T oldfn(..., struct vm_area_struct *vma, ...)
 {
	<...
-	helper(first, vma, rest)
+	other(proto, first, rest)
	...>
 }

@members depends on patch@
identifier accepted.oldfn, vma;
identifier virtual.proto, virtual.proto_flags;
type T;
@@

 T oldfn(..., struct vm_area_struct *vma, ...)
 {
	<...
(
-	vma->vm_flags
+	proto->proto_flags
|
-	vma->vm_ops
+	proto->vm_ops
|
-	vma->vm_start
+	proto->start
|
-	vma->vm_end
+	proto->end
|
-	vma->vm_pgoff
+	proto->pgoff
|
-	vma->vm_page_prot
+	proto->page_prot
|
-	vma->vm_private_data
+	proto->private_data
|
-	vma->vm_mm
+	proto->mm
|
-	vma->vm_file
+	proto->file
)
	...>
 }

@file_use depends on patch@
identifier renamed.oldfn, filp, vma;
identifier virtual.proto;
@@

 int oldfn(struct file *filp, struct vm_area_struct *vma)
 {
	<...
-	filp
+	proto->file
	...>
 }

@carrier_head depends on patch@
identifier carried.carrier, vma;
identifier virtual.proto, virtual.proto_struct;
@@

 carrier(...,
-	struct vm_area_struct *vma
+	struct proto_struct *proto
	, ...)
 {
	...
 }

@head depends on patch@
identifier renamed.oldfn, renamed.newfn, filp, vma;
identifier virtual.proto, virtual.proto_struct;
@@

-int oldfn(struct file *filp, struct vm_area_struct *vma)
+int newfn(struct proto_struct *proto)
 {
	...
 }

@member depends on patch@
identifier initialised.oldfn, initialised.newfn, instance;
identifier virtual.proto_hook;
@@

(
struct file_operations instance = {
	.
-	mmap
+	proto_hook
	=
-	oldfn
+	newfn
	,
};
|
struct file_operations instance[...] = {
	...,
	{
	.
-	mmap
+	proto_hook
	=
-	oldfn
+	newfn
	,
	},
	...,
};
)

// For coccicheck; convert.py passes no_header and looks for a better place.

@described@
@@

#include <linux/vma_proto.h>

@header depends on patch && head && !described && !no_header@
@@

#include <linux/...>
+#include <linux/vma_proto.h>
