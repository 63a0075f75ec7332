// SPDX-License-Identifier: GPL-2.0-only
/*
 * Have the test driver (lib/test_mmap_proto.c) do what no driver may: find an
 * object in its hook, not hold it, and look at it again in vm_ops->mapped(),
 * after another thread has let go of it.
 *
 * The kernel is damaged by that, unless KASAN is there to report it: this is
 * for a boot of its own, which must find the report. That it is safe for an
 * object that is held is among the cases of mmap_proto_driver.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "mmap_proto_driver.h"

static int fd;

static void *drop_object(void *result)
{
	*(int *)result = ioctl(fd, TEST_MMAP_PROTO_DROP) ? errno : 0;

	return NULL;
}

/*
 * mmap() while another thread drops the object: the error, 0 for none. mapped()
 * waits until it has happened.
 */
static int map_while_dropped(void)
{
	int dropped = -1, error = 0;
	pthread_t thread;

	set(fd, (struct test_mmap_proto_settings){
		.options = TEST_MMAP_PROTO_MAPPED | TEST_MMAP_PROTO_CLOSE |
			   TEST_MMAP_PROTO_OBJECT |
			   TEST_MMAP_PROTO_RENDEZVOUS });
	if (pthread_create(&thread, NULL, drop_object, &dropped))
		return -1;
	if (map(fd, 0, 4, RW, MAP_SHARED, 0) == MAP_FAILED)
		error = errno;
	pthread_join(thread, NULL);

	return dropped ? -1 : error;
}

int main(void)
{
	make_window();
	fd = open_driver("test_mmap_proto");
	ksft_print_header();
	ksft_set_plan(1);
	/* What mapped() says of an object that is no more. */
	ksft_test_result(map_while_dropped() == ESTALE,
			 "an object that is not held is gone\n");
	ksft_finished();
}
