// SPDX-License-Identifier: GPL-2.0-only
/* Whose code a function is, by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/code_place.h"

static void expect_owner(enum code_owner owner, const char *const *names)
{
	for (; *names; names++)
		if (code_owner_of(*names) != owner)
			fail_msg("%s: %d", *names, code_owner_of(*names));
}

static void the_runtime_has_names_in_other_packages(void **state)
{
	static const char *const names[] = {
		"runtime.gopark",
		"runtime/internal/atomic.(*Uint32).Load",
		"internal/runtime/maps.(*Map).Get",
		"sync.runtime_SemacquireMutex",
		"internal/poll.runtime_pollWait",
		NULL,
	};

	(void)state;
	expect_owner(CODE_RUNTIME, names);
}

static void what_comes_with_go_is_library_code(void **state)
{
	static const char *const names[] = {
		"time.Sleep",
		"sync.(*Mutex).lockSlow",
		"internal/sync.(*Mutex).lockSlow",
		"net/http.(*conn).serve",
		"vendor/golang.org/x/net/http2/hpack.(*Decoder).Write",
		"crypto/tls.(*Conn).Read",
		"type:.eq.main.key",
		NULL,
	};

	(void)state;
	expect_owner(CODE_LIBRARY, names);
}

static void all_else_is_the_programs(void **state)
{
	static const char *const names[] = {
		"main.main",
		"main.runtime.func1",
		"main.(*pool).runtime_wait", /* of a method the type is before it */
		"github.com/runtime/x.Wait",
		"go.uber.org/zap.(*Logger).Info",
		"gopkg.in/yaml%2ev3.Unmarshal",
		"netx.Dial",
		"example/internal/store.Get[...]",
		"",
		NULL,
	};

	(void)state;
	expect_owner(CODE_USER, names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_runtime_has_names_in_other_packages),
		cmocka_unit_test(what_comes_with_go_is_library_code),
		cmocka_unit_test(all_else_is_the_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
