// SPDX-License-Identifier: GPL-2.0-only
/// Finds every initialiser of file_operations.mmap, and of the prototype
/// hook that takes its place. Changes nothing; scan.py reads what it prints
/// and holds it against a second count that does not need to parse the file.
///
// Confidence: High
// URL: https://coccinelle.gitlabpages.inria.fr/website
// Comments: In patch mode it says nothing, as there is nothing to change. What
// Coccinelle does not parse it does not report; convert.py tells what that is.
// Keywords: mmap, file_operations
// Options: --no-includes --include-headers -D proto_hook=mmap_proto

virtual patch
virtual context
virtual org
virtual report

@live@
identifier instance;
expression hook;
position p;
@@

(
struct file_operations instance = {
	.mmap = hook@p,
};
|
struct file_operations instance[...] = {
	...,
	{ .mmap = hook@p, },
	...,
};
)

// Without a rule for it, spatch takes patch mode for a mistake.

@script:python depends on patch@
p << live.p;
@@

pass

@script:python depends on report@
instance << live.instance;
hook << live.hook;
p << live.p;
@@

print(f"{p[0].file}:{p[0].line}:mmap:{instance}:{hook}")

@depends on context@
identifier instance;
expression hook;
@@

(
struct file_operations instance = {
*	.mmap = hook,
};
|
struct file_operations instance[...] = {
	...,
*	{ .mmap = hook, },
	...,
};
)

@script:python depends on org@
hook << live.hook;
p << live.p;
@@

coccilib.org.print_todo(p[0], hook)

@proto@
identifier instance;
identifier virtual.proto_hook;
expression hook;
position p;
@@

struct file_operations instance = {
	.proto_hook = hook@p,
};

@script:python depends on report@
instance << proto.instance;
hook << proto.hook;
p << proto.p;
member << virtual.proto_hook;
@@

print(f"{p[0].file}:{p[0].line}:{member}:{instance}:{hook}")

@depends on context@
identifier instance;
identifier virtual.proto_hook;
expression hook;
@@

struct file_operations instance = {
*	.proto_hook = hook,
};

@script:python depends on org@
hook << proto.hook;
p << proto.p;
@@

coccilib.org.print_todo(p[0], hook)

// Of an object and, by isomorphism, through a pointer to one.

@assigned@
struct file_operations ops;
expression hook;
position p;
@@

ops.mmap = hook@p

@script:python depends on report@
hook << assigned.hook;
p << assigned.p;
@@

print(f"{p[0].file}:{p[0].line}:mmap::{hook}")

@depends on context@
struct file_operations ops;
expression hook;
@@

*ops.mmap = hook

@script:python depends on org@
hook << assigned.hook;
p << assigned.p;
@@

coccilib.org.print_todo(p[0], hook)
