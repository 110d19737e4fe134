// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where probes go, by the first bytes of functions of real programs: the same small program,
 * built with go1.19.8, go1.24.4 and go1.27.3 for amd64. The bytes are from objdump -d.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "trace/placement.h"
#include "trace/sites.h"

#define AFTER_CHECK "after the stack check"
#define ON_JUMP "jump of the stack check, without a push after it"
#define PUSH_FIRST "push at the start, no stack check"
#define NO_CHECK "neither a push nor a stack check at the start"

static const struct prologue {
	const char *name;
	uint8_t code[32];
	size_t code_sz;
	enum placement_kind kind;
	uint32_t off;
	const char *insn;
	const char *reason;
} prologues[] = {
	{ "1.19 runtime.mapassign",
	  { 0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x14, 0x05, 0x00, 0x00, 0x48, 0x83, 0xc4, 0x80,
	    0x48, 0x89, 0x6c, 0x24, 0x78 },
	  19,
	  PLACEMENT_JUMP,
	  4,
	  "jbe 0x51e",
	  ON_JUMP },
	{ "1.19 runtime.mapassign_fast64",
	  { 0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0xf1, 0x02, 0x00, 0x00, 0x48, 0x83, 0xec, 0x38,
	    0x48, 0x89, 0x6c, 0x24, 0x30 },
	  19,
	  PLACEMENT_JUMP,
	  4,
	  "jbe 0x2fb",
	  ON_JUMP },
	{ "1.19 runtime.makemap_small (short jump)",
	  { 0x49, 0x3b, 0x66, 0x10, 0x76, 0x67, 0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0x6c, 0x24,
	    0x10 },
	  15,
	  PLACEMENT_JUMP,
	  4,
	  "jbe 0x6d",
	  ON_JUMP },
	{ "1.24 runtime.mapassign (large frame)",
	  { 0x4c, 0x8d, 0x64, 0x24, 0xd0, 0x4d, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x57, 0x05, 0x00,
	    0x00, 0x55, 0x48, 0x89, 0xe5 },
	  19,
	  PLACEMENT_PUSH,
	  15,
	  "push rbp",
	  AFTER_CHECK },
	{ "1.24 runtime.mapassign_fast64",
	  { 0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x28, 0x03, 0x00, 0x00, 0x55, 0x48, 0x89, 0xe5 },
	  14,
	  PLACEMENT_PUSH,
	  10,
	  "push rbp",
	  AFTER_CHECK },
	{ "1.24 runtime.mapdelete_fast64 (short jump)",
	  { 0x49, 0x3b, 0x66, 0x10, 0x76, 0x37, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x18 },
	  14,
	  PLACEMENT_PUSH,
	  6,
	  "push rbp",
	  AFTER_CHECK },
	{ "1.24 runtime.getproccount (huge frame)",
	  { 0x49, 0x89, 0xe4, 0x49, 0x81, 0xec, 0xa8, 0x1f, 0x00, 0x00,
	    0x0f, 0x82, 0xb7, 0x00, 0x00, 0x00, 0x4d, 0x3b, 0x66, 0x10,
	    0x0f, 0x86, 0xad, 0x00, 0x00, 0x00, 0x55, 0x48, 0x89, 0xe5 },
	  30,
	  PLACEMENT_PUSH,
	  26,
	  "push rbp",
	  AFTER_CHECK },
	{ "1.24 runtime.memhash_varlen (nosplit)",
	  { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x18, 0x48, 0x83, 0xc2, 0x08 },
	  12,
	  PLACEMENT_PUSH,
	  0,
	  "push rbp",
	  PUSH_FIRST },
	{ "1.24 runtime.(*itabTableType).find (no frame, no check)",
	  { 0x48, 0x8b, 0x10, 0x48, 0xff, 0xca, 0x8b, 0x73, 0x10, 0x33, 0x71, 0x10 },
	  12,
	  PLACEMENT_ENTRY,
	  0,
	  "mov rdx, qword ptr [rax]",
	  NO_CHECK },
	{ "1.27 runtime.mapassign_faststr",
	  { 0x4c, 0x8d, 0x64, 0x24, 0xd8, 0x4d, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x37, 0x05, 0x00,
	    0x00, 0x55, 0x48, 0x89, 0xe5 },
	  19,
	  PLACEMENT_PUSH,
	  15,
	  "push rbp",
	  AFTER_CHECK },
	{ "1.27 runtime.main (large frame, long lea)",
	  { 0x4c, 0x8d, 0xa4, 0x24, 0x60, 0xff, 0xff, 0xff, 0x4d, 0x3b, 0x66,
	    0x10, 0x0f, 0x86, 0x5c, 0x05, 0x00, 0x00, 0x55, 0x48, 0x89, 0xe5 },
	  22,
	  PLACEMENT_PUSH,
	  18,
	  "push rbp",
	  AFTER_CHECK },
	{ "1.27 (*Map).Delete",
	  { 0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x63, 0x01, 0x00, 0x00, 0x55, 0x48, 0x89, 0xe5 },
	  14,
	  PLACEMENT_PUSH,
	  10,
	  "push rbp",
	  AFTER_CHECK },
	{ "another register against the stack limit (made up)",
	  { 0x49, 0x3b, 0x46, 0x10, 0x76, 0x37, 0x55 },
	  7,
	  PLACEMENT_ENTRY,
	  0,
	  "cmp rax, qword ptr [r14 + 0x10]",
	  NO_CHECK },
	{ "another word of g (made up)",
	  { 0x49, 0x3b, 0x66, 0x18, 0x76, 0x37, 0x55 },
	  7,
	  PLACEMENT_ENTRY,
	  0,
	  "cmp rsp, qword ptr [r14 + 0x18]",
	  NO_CHECK },
	{ "another jump behind the check (made up)",
	  { 0x49, 0x3b, 0x66, 0x10, 0x75, 0x37, 0x55 },
	  7,
	  PLACEMENT_ENTRY,
	  0,
	  "cmp rsp, qword ptr [r14 + 0x10]",
	  NO_CHECK },
	{ "a push of memory behind the check (made up)",
	  { 0x49, 0x3b, 0x66, 0x10, 0x76, 0x37, 0xff, 0x30 },
	  8,
	  PLACEMENT_JUMP,
	  4,
	  "jbe 0x3d",
	  ON_JUMP },
	{ "a breakpoint of another tracer (made up)",
	  { 0xcc, 0x3b, 0x66, 0x10, 0x76, 0x37, 0x55 },
	  7,
	  PLACEMENT_ENTRY,
	  0,
	  "int3",
	  NO_CHECK },
};

static const size_t prologue_cnt = sizeof(prologues) / sizeof(prologues[0]);

static void known_prologues(void **state)
{
	(void)state;
	for (size_t i = 0; i < prologue_cnt; i++) {
		const struct prologue *p = &prologues[i];
		struct placement found;
		_cleanup_err_ struct err *err =
			placement_find(EM_X86_64, p->code, p->code_sz, &found);

		print_message("%s\n", p->name);
		assert_null(err);
		assert_int_equal(found.kind, p->kind);
		assert_int_equal(found.off, p->off);
		assert_int_equal(found.cheap, p->kind != PLACEMENT_ENTRY);
		assert_string_equal(found.insn, p->insn);
		assert_string_equal(found.reason, p->reason);
	}
}

/* Cut short anywhere, the place is inside of the code, and neither later nor of a better kind than
 * in the whole prologue. */
static void truncated_prologues(void **state)
{
	(void)state;
	for (size_t i = 0; i < prologue_cnt; i++) {
		const struct prologue *p = &prologues[i];

		for (size_t sz = 0; sz < p->code_sz; sz++) {
			/* A copy of that size, so that a sanitizer sees a read too far. */
			uint8_t *code = malloc(sz ? sz : 1);
			struct placement found;

			assert_non_null(code);
			memcpy(code, p->code, sz);
			_cleanup_err_ struct err *err = placement_find(EM_X86_64, code, sz, &found);
			free(code);
			if (err) {
				assert_int_equal(err->kind, ERR_FORMAT);
				continue;
			}
			assert_true(found.off < sz);
			assert_true(found.off <= p->off);
			assert_true(found.kind >= p->kind);
		}
	}
}

static void no_code(void **state)
{
	struct placement found = { .off = 77 };
	_cleanup_err_ struct err *err = placement_find(EM_X86_64, "", 0, &found);

	(void)state;
	assert_true(err_is(err, ERR_FORMAT));
	assert_string_equal(err->msg, "the first bytes are not an instruction");
	assert_int_equal(found.off, 77);
}

static void no_instruction(void **state)
{
	/* 0x06 (push %es) is not valid in 64-bit mode. */
	static const uint8_t code[] = { 0x06, 0x49, 0x3b, 0x66, 0x10 };
	struct placement found;
	_cleanup_err_ struct err *err = placement_find(EM_X86_64, code, sizeof(code), &found);

	(void)state;
	assert_true(err_is(err, ERR_FORMAT));
}

static void any_bytes(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t code[PLACEMENT_CODE_SZ];
		struct placement found;

		for (size_t i = 0; i < sizeof(code); i++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			code[i] = random >> 56;
		}
		/* Half of them begin with the first instruction of a stack check. */
		if (round & 1)
			memcpy(code, prologues[0].code, 4);
		_cleanup_err_ struct err *err =
			placement_find(EM_X86_64, code, sizeof(code), &found);
		if (err)
			assert_int_equal(err->kind, ERR_FORMAT);
		else
			assert_true(found.off < sizeof(code));
	}
}

/* Linux 6.18 makes a call out of a probe on a nop of 5 bytes, and never unmaps where it goes. */
static struct err *find_nop(void *ctx, const char *name, struct trace_func *ret)
{
	static const uint8_t nop_call[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3 };
	static const uint8_t nop_short[] = { 0x0f, 0x1f, 0x40, 0x00, 0xc3 };
	bool first = !*(size_t *)ctx;

	(void)name;
	++*(size_t *)ctx;
	*ret = (struct trace_func){ .present = true, .addr = 4096, .size = 6, .code_sz = 5 };
	memcpy(ret->code, first ? nop_call : nop_short, 5);
	return NULL;
}

static void no_probe_on_a_nop_that_the_kernel_calls_from(void **state)
{
	static struct sites sites;
	size_t asked = 0;
	struct trace_opts opts = {
		.machine = EM_X86_64,
		.find_func = find_nop,
		.find_ctx = &asked,
	};

	(void)state;
	assert_null(sites_find(&opts, &sites));
	assert_non_null(strstr(sites.site[0].missing, "leave a mapping"));
	assert_true(sites.site[0].placement.leaves_trace);
	assert_true(asked > 1);
	assert_int_equal(sites.probed, asked - 1);
	assert_null(sites.site[1].missing);
}

static void other_architecture(void **state)
{
	/* arm64: ldr x16, [x28, #16] */
	static const uint8_t code[] = { 0x90, 0x0b, 0x40, 0xf9 };
	struct placement found;
	_cleanup_err_ struct err *err = placement_find(EM_AARCH64, code, sizeof(code), &found);

	(void)state;
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_string_equal(err->msg,
			    "tracing works on amd64 only so far, this is ELF machine 183");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_prologues),
		cmocka_unit_test(truncated_prologues),
		cmocka_unit_test(no_code),
		cmocka_unit_test(no_instruction),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(other_architecture),
		cmocka_unit_test(no_probe_on_a_nop_that_the_kernel_calls_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
