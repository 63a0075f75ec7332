/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks the kernel which mmap hooks were called, and for which operations: a
 * kprobe at each hook, of a list that the host made from the kernel's image.
 */
#ifndef AB_REACH_H
#define AB_REACH_H

/**
 * reach_begin() - set the probes.
 * @list: file with one line for kprobe_events for each.
 *
 * Return: number of probes, or -1.
 */
int reach_begin(const char *list);

/**
 * reach_note() - note each pair of hook and operations that was seen since the
 *	last call: "#reached THING HOOK OPERATIONS", both as addresses.
 * @thing: what was mapped.
 */
void reach_note(const char *thing);

#endif /* AB_REACH_H */
