// SPDX-License-Identifier: GPL-2.0-only
/* Which variables have maps of which type, by code that somebody wrote down here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/arch.h"

/* Where the pieces of code are, what they call, and what they refer to. */
enum {
	CODE = 0x1000,
	MAKE = 0x2000,
	ACCESS = 0x2100,
	BARRIER = 0x2200,
	OTHER = 0x2300,
	TYPE = 0x8000,
	VAR = 0x9000,
};

struct seen {
	int cnt;
	uint64_t var, type;
};

static enum code_call call_at(void *ctx, uint64_t function)
{
	(void)ctx;
	return function == MAKE	     ? CODE_CALL_MAKE
	       : function == ACCESS  ? CODE_CALL_MAP
	       : function == BARRIER ? CODE_CALL_BARRIER
				     : CODE_CALL_OTHER;
}

static void note_found(void *ctx, uint64_t var, uint64_t type)
{
	struct seen *s = ctx;

	s->cnt++;
	s->var = var;
	s->type = type;
}

/* Code that is being written. */
struct code {
	uint8_t bytes[128];
	size_t len;
};

static void put(struct code *c, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		c->bytes[c->len++] = bytes[i];
}
#define PUT(c, bytes) put(c, bytes, sizeof(bytes) - 1)

/* An opcode, then the distance from the end of the instruction. */
static void put_to(struct code *c, const char *op, size_t len, uint64_t to)
{
	put(c, op, len);
	uint32_t off = to - (CODE + c->len + 4);
	for (int i = 0; i < 4; i++)
		c->bytes[c->len++] = off >> 8 * i;
}
#define LEA_RAX(c, to) put_to(c, "\x48\x8d\x05", 3, to)
#define LOAD_RBX(c, from) put_to(c, "\x48\x8b\x1d", 3, from)
#define STORE_RAX(c, to) put_to(c, "\x48\x89\x05", 3, to)
#define CALL(c, to) put_to(c, "\xe8", 1, to)
#define SPILL_RAX(c) PUT(c, "\x48\x89\x44\x24\x18") /* mov %rax, 0x18(%rsp) */
#define RELOAD_RAX(c) PUT(c, "\x48\x8b\x44\x24\x18")

static struct seen walk(const struct code *c)
{
	struct seen s = { 0 };
	struct code_map_calls calls = { call_at, note_found, &s };

	arch_amd64.walk_map_vars(c->bytes, c->len, CODE, &calls);
	return s;
}

static void expect_found(const struct code *c)
{
	struct seen s = walk(c);

	assert_int_equal(s.cnt, 1);
	assert_int_equal(s.var, VAR);
	assert_int_equal(s.type, TYPE);
}

static void what_is_loaded_and_looked_up(void **state)
{
	struct code c = { 0 };

	(void)state;
	LOAD_RBX(&c, VAR);
	LEA_RAX(&c, TYPE);
	CALL(&c, ACCESS);
	expect_found(&c);
}

static void what_is_made_and_stored(void **state)
{
	struct code c = { 0 };

	(void)state;
	LEA_RAX(&c, TYPE);
	CALL(&c, MAKE);
	SPILL_RAX(&c);
	CALL(&c, OTHER);
	PUT(&c, "\xeb\x00"); /* a jump */
	RELOAD_RAX(&c);
	CALL(&c, BARRIER);
	STORE_RAX(&c, VAR);
	expect_found(&c);
}

static void registers_are_lost_by_calls_and_jumps(void **state)
{
	struct code call = { 0 }, jump = { 0 }, changed = { 0 };

	(void)state;
	LOAD_RBX(&call, VAR);
	CALL(&call, OTHER);
	LEA_RAX(&call, TYPE);
	CALL(&call, ACCESS);
	assert_int_equal(walk(&call).cnt, 0);
	LOAD_RBX(&jump, VAR);
	PUT(&jump, "\xeb\x00");
	LEA_RAX(&jump, TYPE);
	CALL(&jump, ACCESS);
	assert_int_equal(walk(&jump).cnt, 0);
	LOAD_RBX(&changed, VAR);
	LEA_RAX(&changed, TYPE);
	PUT(&changed, "\x31\xdb"); /* xor %ebx, %ebx */
	CALL(&changed, ACCESS);
	assert_int_equal(walk(&changed).cnt, 0);
}

static void slots_are_lost_when_something_else_is_written(void **state)
{
	struct code c = { 0 };

	(void)state;
	LEA_RAX(&c, TYPE);
	CALL(&c, MAKE);
	SPILL_RAX(&c);
	PUT(&c, "\x44\x0f\x11\x7c\x24\x10"); /* movups %xmm15, 0x10(%rsp): 16 bytes */
	RELOAD_RAX(&c);
	STORE_RAX(&c, VAR);
	assert_int_equal(walk(&c).cnt, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_loaded_and_looked_up),
		cmocka_unit_test(what_is_made_and_stored),
		cmocka_unit_test(registers_are_lost_by_calls_and_jumps),
		cmocka_unit_test(slots_are_lost_when_something_else_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
