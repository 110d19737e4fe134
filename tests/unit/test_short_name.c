// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/short_name.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

static void names_become_short(void **state)
{
	static const struct {
		const char *name;
		const char *text;
	} rows[] = {
		{ "", "" },
		{ "main.main", "main.main" },
		{ "main.(*Gateway).pay", "main.(*Gateway).pay" },
		{ "net/http.Header.Clone", "http.Header.Clone" },
		{ "github.com/prometheus/prometheus/tsdb.(*Head).getOrCreate.func1",
		  "tsdb.(*Head).getOrCreate.func1" },
		{ "gopkg.in/yaml%2ev3.(*parser).peek", "yaml%2ev3.(*parser).peek" },
		{ "example.com/kv.(*Registry[...]).Add", "kv.(*Registry[...]).Add" },
		/* A version is no name. */
		{ "k8s.io/klog/v2.Infof", "klog/v2.Infof" },
		{ "k8s.io/api/core/v1.(*Pod).Size", "core/v1.(*Pod).Size" },
		{ "go.etcd.io/etcd/server/v3/lease.NewLessor", "lease.NewLessor" },
		{ "example.com/v8.Eval", "example.com/v8.Eval" },
		{ "go/v2ray.Dial", "v2ray.Dial" },
		{ "v2.Dial", "v2.Dial" },
		/* Types have whole paths in type arguments only. */
		{ "map[string]*main.Session", "map[string]*main.Session" },
		{ "map[uint64]struct {}", "map[uint64]struct {}" },
		{ "map[string]kv.Pair[example.com/a/b.Key,*example.com/c.Value]",
		  "map[string]kv.Pair[b.Key,*c.Value]" },
		{ "map[kv.K[[]example.com/a/b.T]]func(example.com/a/b.T) <-chan example.com/c.U",
		  "map[kv.K[[]b.T]]func(b.T) <-chan c.U" },
		{ "a/b/", "" },
		{ "//", "" },
	};
	char buf[128];

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		name_short(rows[i].name, buf, sizeof(buf));
		assert_string_equal(buf, rows[i].text);
	}
}

static void long_names_are_cut(void **state)
{
	char buf[9];

	(void)state;
	for (size_t size = 1; size <= sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		name_short("net/http.(*conn).serve", buf, size);
		assert_int_equal(strlen(buf), size - 1);
		assert_int_equal(strncmp(buf, "http.(*c", size - 1), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_short),
		cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
