/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The result channel: whole lines of text to the host, apart from the console.
 *
 * It is a virtio-serial port. A UART has a buffer in the guest, and a panic
 * loses what is in it; the port (with ioeventfd off on the host's side) hands
 * a line over within the write() itself. What channel_line() has sent before
 * a test breaks the kernel is with the host.
 */
#ifndef GUEST_CHANNEL_H
#define GUEST_CHANNEL_H

#define __printf(a, b)	__attribute__((format(printf, a, b)))

/**
 * channel_open() - find the port named "results" and open it.
 *
 * The port shows up a moment after its device was probed: waits for it, two
 * seconds at most.
 *
 * Return: 0, or -1 with errno set (ENODEV: no such port).
 */
int channel_open(void);

/**
 * channel_line() - send one line to the host.
 * @format: as printf(), without a newline at the end.
 *
 * Control characters are replaced, so that a line stays one line. Before
 * channel_open() and when the host is gone, the line is lost silently: the
 * host misses it and says so.
 */
__printf(1, 2)
void channel_line(const char *format, ...);

#endif /* GUEST_CHANNEL_H */
