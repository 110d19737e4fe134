// SPDX-License-Identifier: GPL-2.0-only
/* The container and the pod that a cgroup's path names. */
#include "process/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define INNER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID "0a1b2c3d-0000-4444-8888-0123456789ab"
#define UID_OF_SYSTEMD "0a1b2c3d_0000_4444_8888_0123456789ab"

static void expect(const char *path, const char *id, const char *pod)
{
	struct container c = container_of_path(path);

	assert_string_equal(c.id, id);
	assert_string_equal(c.pod_uid, pod);
}

static void paths_of_runtimes(void **state)
{
	(void)state;
	expect("/system.slice/docker-" ID ".scope\n", ID, "");
	expect("/docker/" ID, ID, "");
	expect("/machine.slice/libpod-" ID ".scope", ID, "");
	expect("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_OF_SYSTEMD
	       ".slice/cri-containerd-" ID ".scope",
	       ID, UID);
	expect("/kubepods/besteffort/pod" UID "/" ID, ID, UID);
	expect("/kubepods/besteffort/pod" UID "/crio-" ID, ID, UID);
}

static void a_container_in_a_container(void **state)
{
	(void)state;
	expect("/docker/" ID "/docker/" INNER, INNER, "");
}

static void paths_without_a_container(void **state)
{
	(void)state;
	expect("/", "", "");
	expect("", "", "");
	expect("/user.slice/user-1000.slice/session-3.scope", "", "");
	expect("/system.slice/" ID "0.scope", "", ""); /* 65 digits */
	expect("/kubepods/pod0a1b2c3d-0000", "", ""); /* cut off */
	expect("/podium/pods/pod", "", "");
}

static void a_process_that_is_gone(void **state)
{
	(void)state;
	struct container c = container_of_pid(0);

	assert_string_equal(c.id, "");
	assert_string_equal(c.pod_uid, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_runtimes),
		cmocka_unit_test(a_container_in_a_container),
		cmocka_unit_test(paths_without_a_container),
		cmocka_unit_test(a_process_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
