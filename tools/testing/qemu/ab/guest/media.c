// SPDX-License-Identifier: GPL-2.0-only
/* Pictures and sound. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <linux/dvb/dmx.h>
#include <linux/soundcard.h>
#include <linux/types.h>
#include <linux/videodev2.h>
#include <sound/asound.h>

#include "matrix.h"
#include "record.h"
#include "region.h"
#include "thing.h"

/* Opens the card of the driver named @driver. */
static int open_card(const char *driver)
{
	char path[64], name[32];
	int number, fd;

	for (number = 0; number < 8; number++) {
		struct drm_version version = {
			.name = name, .name_len = sizeof(name) - 1 };

		memset(name, 0, sizeof(name));
		snprintf(path, sizeof(path), "/dev/dri/card%d", number);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!ioctl(fd, DRM_IOCTL_VERSION, &version) &&
		    !strcmp(name, driver))
			return fd;
		close(fd);
	}
	errno = ENODEV;
	return -1;
}

static void run_drm(const void *argument)
{
	struct drm_mode_create_dumb create = {
		.width = 64, .height = 64, .bpp = 32 };
	struct drm_mode_map_dumb where = { };
	struct drm_mode_destroy_dumb destroy = { };
	struct drm_prime_handle handle = { };
	struct target target = { .write = true };

	target.fd = open_card(argument);
	if (record_error("open", target.fd) < 0)
		return;
	record_error("create", ioctl(target.fd, DRM_IOCTL_MODE_CREATE_DUMB,
				     &create));
	where.handle = create.handle;
	if (record_error("offset", ioctl(target.fd, DRM_IOCTL_MODE_MAP_DUMB,
					 &where)))
		return;
	target.base = where.offset;
	target.size = create.size;
	record("size", "%llu", (unsigned long long)create.size);
	matrix_run(&target);

	handle.handle = create.handle;
	handle.flags = DRM_CLOEXEC | DRM_RDWR;
	if (!record_error("share", ioctl(target.fd,
					 DRM_IOCTL_PRIME_HANDLE_TO_FD,
					 &handle))) {
		struct target shared = {
			.label = "shared", .fd = handle.fd,
			.size = create.size, .write = true };

		matrix_run(&shared);
		close(handle.fd);
	}
	/* Another file must not map it: it was not given the right. */
	where.offset = target.base;
	close(target.fd);
	target.fd = open_card(argument);
	target.label = "another file";
	matrix_few(&target);
	destroy.handle = 1;
	record_error("destroy", ioctl(target.fd, DRM_IOCTL_MODE_DESTROY_DUMB,
				      &destroy));
}

static void run_video(const void *argument)
{
	const unsigned int *type = argument;
	struct v4l2_requestbuffers request = {
		.count = 2, .memory = V4L2_MEMORY_MMAP };
	struct v4l2_buffer buffer = { .memory = V4L2_MEMORY_MMAP };
	struct v4l2_exportbuffer export = { .flags = O_RDWR | O_CLOEXEC };
	struct v4l2_capability capability;
	struct target target = { .write = true, .whole = true };
	char path[64];
	int number;

	/* The first device that can do it. */
	for (number = 0; number < 20; number++) {
		snprintf(path, sizeof(path), "/dev/video%d", number);
		target.fd = open(path, O_RDWR | O_CLOEXEC);
		if (target.fd < 0)
			continue;
		request.type = *type;
		if (!ioctl(target.fd, VIDIOC_QUERYCAP, &capability) &&
		    !ioctl(target.fd, VIDIOC_REQBUFS, &request))
			break;
		close(target.fd);
		target.fd = -1;
	}
	if (record_error("open", target.fd) < 0)
		return;
	record("buffers", "%u", request.count);
	buffer.type = *type;
	record_error("query", ioctl(target.fd, VIDIOC_QUERYBUF, &buffer));
	target.size = buffer.length;
	target.base = buffer.m.offset;
	record("length", "%u", buffer.length);
	matrix_run(&target);
	buffer.index = 1;
	record_error("query", ioctl(target.fd, VIDIOC_QUERYBUF, &buffer));
	target.base = buffer.m.offset;
	target.label = "second";
	matrix_few(&target);

	export.type = *type;
	if (!record_error("share", ioctl(target.fd, VIDIOC_EXPBUF, &export))) {
		struct target shared = {
			.label = "shared", .fd = export.fd,
			.size = buffer.length, .write = true,
			.whole = true };

		matrix_run(&shared);
		close(export.fd);
	}
	/* What is mapped or shared no longer keeps the buffers. */
	request.count = 0;
	record_error("free", ioctl(target.fd, VIDIOC_REQBUFS, &request));
	target.label = "freed";
	matrix_few(&target);
}

static const unsigned int capture = V4L2_BUF_TYPE_VIDEO_CAPTURE;
static const unsigned int output = V4L2_BUF_TYPE_VIDEO_OUTPUT;

static void run_television(const void *argument)
{
	struct dmx_requestbuffers request = { .count = 2, .size = 4 * PAGE };
	struct dmx_buffer buffer = { };
	struct target target = { .size = 4 * PAGE, .write = true };

	target.fd = thing_open(argument, O_RDWR | O_NONBLOCK);
	if (target.fd < 0)
		target.fd = thing_open(argument, O_RDONLY | O_NONBLOCK);
	record_error("buffers", ioctl(target.fd, DMX_REQBUFS, &request));
	record_error("query", ioctl(target.fd, DMX_QUERYBUF, &buffer));
	target.base = buffer.offset;
	if (buffer.length)
		target.size = buffer.length;
	matrix_run(&target);
}

static void set_mask(struct snd_pcm_hw_params *params, int which, int bit)
{
	struct snd_mask *mask =
		&params->masks[which - SNDRV_PCM_HW_PARAM_FIRST_MASK];

	memset(mask, 0, sizeof(*mask));
	mask->bits[bit / 32] = 1U << (bit % 32);
}

static void set_interval(struct snd_pcm_hw_params *params, int which,
			 unsigned int value)
{
	struct snd_interval *interval =
		&params->intervals[which - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];

	interval->min = value;
	interval->max = value;
	interval->integer = 1;
}

/* Two channels of 16 bits, with a buffer of four pages. */
static int set_up_sound(int fd)
{
	struct snd_pcm_hw_params params = { .rmask = ~0U, .info = ~0U };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(params.masks); i++)
		memset(&params.masks[i], 0xff, sizeof(params.masks[i]));
	for (i = 0; i < ARRAY_SIZE(params.intervals); i++) {
		params.intervals[i].min = 0;
		params.intervals[i].max = ~0U;
	}
	set_mask(&params, SNDRV_PCM_HW_PARAM_ACCESS,
		 SNDRV_PCM_ACCESS_MMAP_INTERLEAVED);
	set_mask(&params, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
	set_mask(&params, SNDRV_PCM_HW_PARAM_SUBFORMAT,
		 SNDRV_PCM_SUBFORMAT_STD);
	set_interval(&params, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	set_interval(&params, SNDRV_PCM_HW_PARAM_RATE, 48000);
	set_interval(&params, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, PAGE / 4);
	set_interval(&params, SNDRV_PCM_HW_PARAM_BUFFER_SIZE, PAGE);
	return ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &params);
}

static void run_sound(const void *argument)
{
	struct target target = { .size = 4 * PAGE };
	const char *path = thing_find(argument);

	if (!path) {
		record("device", "absent");
		return;
	}
	target.fd = thing_open(path, O_RDWR | O_NONBLOCK);
	if (target.fd < 0)
		return;
	target.label = "not set up";
	matrix_few(&target);
	target.label = NULL;
	record_error("set up", set_up_sound(target.fd));
	target.write = !strchr(path + strlen(path) - 1, 'c');
	matrix_run(&target);
	target.write = false;
	target.quiet = true;
	target.label = "status";
	target.base = SNDRV_PCM_MMAP_OFFSET_STATUS_OLD;
	target.size = PAGE;
	matrix_few(&target);
	target.base = SNDRV_PCM_MMAP_OFFSET_STATUS_NEW;
	matrix_run(&target);
	target.label = "control";
	target.base = SNDRV_PCM_MMAP_OFFSET_CONTROL_NEW;
	matrix_run(&target);
	target.label = "freed";
	target.base = 0;
	record_error("free", ioctl(target.fd, SNDRV_PCM_IOCTL_HW_FREE));
	matrix_few(&target);
}

static void run_dsp(const void *argument)
{
	struct target target = { .size = 4 * PAGE };
	int value = 0x0002000c;

	(void)argument;
	target.fd = thing_open("/dev/dsp", O_WRONLY | O_NONBLOCK);
	if (target.fd < 0)
		target.fd = thing_open("/dev/dsp1", O_WRONLY | O_NONBLOCK);
	if (target.fd < 0)
		return;
	record_error("fragments", ioctl(target.fd, SNDCTL_DSP_SETFRAGMENT,
					&value));
	matrix_run(&target);
	close(target.fd);
	target.fd = thing_open("/dev/dsp", O_RDWR | O_NONBLOCK);
	target.label = "both ways";
	matrix_run(&target);
}

static void run_hwdep(const void *argument)
{
	const char *path = thing_find("/dev/snd/hwC*");
	struct target target = { .size = PAGE };

	(void)argument;
	if (!path) {
		record("device", "absent");
		return;
	}
	target.fd = thing_open(path, O_RDONLY | O_NONBLOCK);
	matrix_run(&target);
}

#define CARD "snd_dummy.0"
#define CARD_DRIVER "/sys/bus/platform/drivers/snd_dummy/"

/* A file of a card that was taken away, which ends when the file is closed. */
static void run_disconnected(const void *argument)
{
	const char *name = thing_find("/sys/bus/platform/devices/" CARD
				      "/sound/card*/controlC*");
	struct target target = { .size = PAGE };
	char path[64];
	pid_t pid;

	(void)argument;
	if (!name) {
		record("card", "absent");
		return;
	}
	snprintf(path, sizeof(path), "/dev/snd/%s", strrchr(name, '/') + 1);
	target.fd = thing_open(path, O_RDWR);
	target.label = "card";
	matrix_few(&target);
	pid = fork();
	if (!pid) {
		close(target.fd);
		_exit(thing_write(CARD_DRIVER "unbind", CARD) ? 1 : 0);
	}
	usleep(300000);
	target.label = NULL;
	matrix_run(&target);
	close(target.fd);
	waitpid(pid, NULL, 0);
	record_error("bind", thing_write(CARD_DRIVER "bind", CARD));
}

const struct thing media_things[] = {
	{ "drm-vkms", run_drm, "vkms" },
	{ "drm-vgem", run_drm, "vgem" },
	{ "drm-bochs", run_drm, "bochs-drm" },
	{ "drm-virtio", run_drm, "virtio_gpu" },
	{ "video-capture", run_video, &capture },
	{ "video-output", run_video, &output },
	{ "television-demux", run_television, "/dev/dvb/adapter0/demux0" },
	{ "television-record", run_television, "/dev/dvb/adapter0/dvr0" },
	{ "sound-play", run_sound, "/dev/snd/pcmC*D0p" },
	{ "sound-record", run_sound, "/dev/snd/pcmC*D0c" },
	{ "sound-oss", run_dsp, NULL },
	{ "sound-hwdep", run_hwdep, NULL },
	{ "sound-disconnected", run_disconnected, NULL },
	{ }
};
