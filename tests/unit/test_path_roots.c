// SPDX-License-Identifier: GPL-2.0-only
/* Whose code a package is, seen from package main. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/path_steps.h"

#define PROMETHEUS "github.com/prometheus/prometheus/cmd/prometheus"
#define ETCD "go.etcd.io/etcd/server/v3"

static void the_module_of_main_is_the_users(void **state)
{
	(void)state;
	assert_int_equal(path_owner_of("main", PROMETHEUS), PATH_OF_USER);
	assert_int_equal(path_owner_of("github.com/prometheus/prometheus/tsdb", PROMETHEUS),
			 PATH_OF_USER);
	assert_int_equal(path_owner_of("github.com/prometheus/prometheus", PROMETHEUS),
			 PATH_OF_USER);
	assert_int_equal(path_owner_of("go.etcd.io/etcd/client/pkg/v3/fileutil", ETCD),
			 PATH_OF_USER);
	assert_int_equal(path_owner_of("shop/cart", "shop/cmd/shopd"), PATH_OF_USER);
	assert_int_equal(path_owner_of("main", ""), PATH_OF_USER);
}

static void other_modules_are_libraries(void **state)
{
	(void)state;
	assert_int_equal(
		path_owner_of("github.com/prometheus/client_golang/prometheus", PROMETHEUS),
		PATH_OF_MODULE);
	assert_int_equal(path_owner_of("github.com/prometheus/prometheus2/x", PROMETHEUS),
			 PATH_OF_MODULE);
	assert_int_equal(path_owner_of("go.etcd.io/bbolt", ETCD), PATH_OF_MODULE);
	assert_int_equal(path_owner_of("shopping/cart", "shop/cmd/shopd"), PATH_OF_MODULE);
	assert_int_equal(path_owner_of("github.com/a/b", ""), PATH_OF_MODULE);
}

static void what_comes_with_go_is_known(void **state)
{
	(void)state;
	assert_int_equal(path_owner_of("net/http", PROMETHEUS), PATH_OF_GO);
	assert_int_equal(path_owner_of("time", PROMETHEUS), PATH_OF_GO);
	assert_int_equal(path_owner_of("vendor/golang.org/x/net/http2/hpack", ETCD), PATH_OF_GO);
	assert_int_equal(path_owner_of("runtime", ETCD), PATH_OF_RUNTIME);
	assert_int_equal(path_owner_of("runtime/pprof", ETCD), PATH_OF_RUNTIME);
	assert_int_equal(path_owner_of("internal/runtime/maps", ETCD), PATH_OF_RUNTIME);
	assert_int_equal(path_owner_of(NULL, ETCD), PATH_OF_GO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_module_of_main_is_the_users),
		cmocka_unit_test(other_modules_are_libraries),
		cmocka_unit_test(what_comes_with_go_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
