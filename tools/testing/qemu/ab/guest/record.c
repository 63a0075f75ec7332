// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

#define PORTS "/sys/class/virtio-ports"
#define LINE_MAX_LEN 4096

static int port = -1;
static const char *thing = "run";

static int is_ours(const char *name)
{
	char path[320], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), PORTS "/%s/name", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return !strcmp(text, "records\n");
}

int record_open(void)
{
	DIR *ports = opendir(PORTS);
	struct dirent *entry;
	char path[300];

	while (ports && port < 0 && (entry = readdir(ports))) {
		if (!is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		port = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (ports)
		closedir(ports);
	return port < 0 ? -1 : 0;
}

void record_thing(const char *name)
{
	thing = name;
}

const char *record_name(void)
{
	return thing;
}

static void send_line(char *line, int len)
{
	ssize_t sent;

	if (len > LINE_MAX_LEN - 2)
		len = LINE_MAX_LEN - 2;
	line[len++] = '\n';
	while (len > 0) {
		sent = write(port, line, len);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			_exit(3);
		line += sent;
		len -= sent;
	}
}

void record(const char *operation, const char *format, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;
	int len, error = errno;

	len = snprintf(line, 1024, "%s: %s = ", thing, operation);
	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	send_line(line, len);
	errno = error;
}

long record_error(const char *operation, long result)
{
	record(operation, "%s", result == -1 ? strerrorname_np(errno) : "ok");
	return result;
}

void record_note(const char *format, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;
	int len;

	line[0] = '#';
	va_start(args, format);
	len = 1 + vsnprintf(line + 1, sizeof(line) - 1, format, args);
	va_end(args);
	send_line(line, len);
}
