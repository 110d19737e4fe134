// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every architecture has to have; its operands and placements have tests of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include "arch/arch.h"
#include "base/err.h"

static void is_found_by_the_machine_of_its_files(void **state)
{
	const struct arch *amd64 = arch_find(EM_X86_64);

	(void)state;
	assert_non_null(amd64);
	assert_ptr_equal(amd64, &arch_amd64);
	assert_null(arch_find(EM_NONE));
	assert_null(arch_find(EM_RISCV));
	assert_ptr_equal(arch_find(arch_host()->machine), arch_host());
}

/* What a real probe would be placed on is what we measure the price of. */
static void priced_functions_begin_as_those_of_go(void **state)
{
	static const enum placement_kind kinds[] = { PLACEMENT_PUSH, PLACEMENT_JUMP };
	const struct arch *arch = arch_host();

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (size_t way = 0; way < ARCH_PRICED_WAYS; way++) {
			const struct arch_priced *priced = &arch->priced[kinds[i]][way];
			struct placement found;

			assert_null(arch->place_probe(priced->function, 8, &found));
			assert_int_equal(found.kind, kinds[i]);
			assert_ptr_equal(priced->function + found.off, priced->probe);
		}
	}
}

static void each_priced_function_has_a_probe_of_its_own(void **state)
{
	const struct arch_priced *priced = arch_host()->priced[0];
	size_t cnt = PLACEMENT_KIND_CNT * ARCH_PRICED_WAYS;

	(void)state;
	for (size_t i = 0; i < cnt; i++)
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(priced[i].probe, priced[j].probe);
}

/* They must leave the stage, and the registers of whoever calls them, as they were. */
static void priced_functions_return(void **state)
{
	const struct arch *arch = arch_host();
	struct arch_stage stage = { .next = (uintptr_t)&stage }, before = stage;

	(void)state;
	for (size_t kind = 0; kind < PLACEMENT_KIND_CNT; kind++)
		for (size_t way = 0; way < ARCH_PRICED_WAYS; way++)
			arch->call_priced(arch->priced[kind][way].function, 100, &stage);
	assert_memory_equal(&stage, &before, sizeof(stage));
}

static bool stop_at_second(void *ctx, enum code_ref ref, uint64_t insn, uint64_t addr)
{
	(void)ref;
	(void)addr;
	(void)insn;
	return ++*(int *)ctx < 2;
}

static void a_walk_ends_when_it_is_told_to(void **state)
{
	/* Three times lea 0x10(%rip),%rax. */
	static const uint8_t code[] = { 0x48, 0x8d, 0x05, 0x10, 0, 0, 0,
					0x48, 0x8d, 0x05, 0x10, 0, 0, 0,
					0x48, 0x8d, 0x05, 0x10, 0, 0, 0 };
	int visits = 0;

	(void)state;
	arch_amd64.walk_refs(code, sizeof(code), 0x1000, stop_at_second, &visits);
	assert_int_equal(visits, 2);
}

/* Instructions of all kinds that the Go compiler makes for package variables. Each refers to
 * 0x2000; what is not part of the instruction is int3. */
static const struct {
	uint8_t bytes[12];
	uint8_t disp_off; /* of the displacement */
	uint8_t len;
} references[] = {
	{ { 0x48, 0x8d, 0x05 }, 3, 7 }, /* lea */
	{ { 0x4c, 0x8b, 0x3d }, 3, 7 }, /* mov to r15 */
	{ { 0x48, 0x89, 0x05 }, 3, 7 }, /* mov from rax */
	{ { 0x8b, 0x0d }, 2, 6 }, /* mov to ecx */
	{ { 0x48, 0xc7, 0x05, 0, 0, 0, 0, 1, 0, 0, 0 }, 3, 11 }, /* movq $1 */
	{ { 0xc7, 0x05, 0, 0, 0, 0, 1, 0, 0, 0 }, 2, 10 }, /* movl $1 */
	{ { 0x66, 0xc7, 0x05, 0, 0, 0, 0, 1, 0 }, 3, 9 }, /* movw $1 */
	{ { 0xc6, 0x05, 0, 0, 0, 0, 1 }, 2, 7 }, /* movb $1 */
	{ { 0x48, 0x83, 0x3d, 0, 0, 0, 0, 0 }, 3, 8 }, /* cmpq $0 */
	{ { 0x80, 0x3d, 0, 0, 0, 0, 0 }, 2, 7 }, /* cmpb $0 */
	{ { 0x48, 0x81, 0x3d, 0, 0, 0, 0, 0, 1, 0, 0 }, 3, 11 }, /* cmpq $0x100 */
	{ { 0xf6, 0x05, 0, 0, 0, 0, 1 }, 2, 7 }, /* testb $1 */
	{ { 0x48, 0xf7, 0x1d }, 3, 7 }, /* negq */
	{ { 0x48, 0xff, 0x05 }, 3, 7 }, /* incq */
	{ { 0xf0, 0x48, 0x0f, 0xb1, 0x0d }, 5, 9 }, /* lock cmpxchg */
	{ { 0x48, 0x0f, 0xba, 0x25, 0, 0, 0, 0, 3 }, 4, 9 }, /* bt $3 */
	{ { 0x0f, 0xb6, 0x05 }, 3, 7 }, /* movzbl */
	{ { 0x44, 0x0f, 0x11, 0x3d }, 4, 8 }, /* movups from xmm15 */
	{ { 0x66, 0x0f, 0x6f, 0x05 }, 4, 8 }, /* movdqa */
	{ { 0x48, 0x6b, 0x05, 0, 0, 0, 0, 24 }, 3, 8 }, /* imul $24 */
};

struct found {
	uint64_t at;
	uint64_t addr;
	int cnt;
};

static bool note_place(void *ctx, uint64_t at, uint64_t addr)
{
	*(struct found *)ctx = (struct found){ at, addr, ((struct found *)ctx)->cnt + 1 };
	return true;
}

static bool note_ref(void *ctx, enum code_ref ref, uint64_t insn, uint64_t addr)
{
	(void)ref;
	return note_place(ctx, insn, addr);
}

/* The scan over bytes must find what the decoder finds. */
static void a_scan_finds_what_a_walk_finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		uint8_t code[24];
		int32_t disp = 0x2000 - (0x1000 + references[i].len);
		struct found scanned = { 0 }, walked = { 0 };

		memset(code, 0xcc, sizeof(code));
		memcpy(code, references[i].bytes, references[i].len);
		memcpy(code + references[i].disp_off, &disp, sizeof(disp));
		arch_amd64.walk_refs(code, sizeof(code), 0x1000, note_ref, &walked);
		arch_amd64.scan_refs(code, sizeof(code), 0x1000, 0x2000, 0x2001, note_place,
				     &scanned);
		assert_int_equal(walked.cnt, 1);
		assert_true(walked.addr == 0x2000 && walked.at == 0x1000);
		assert_int_equal(scanned.cnt, 1);
		assert_true(scanned.addr == 0x2000);
		assert_true(scanned.at > 0x1000 && scanned.at - 0x1000 < references[i].len);
		scanned.cnt = 0;
		arch_amd64.scan_refs(code, references[i].disp_off + 3, 0x1000, 0, UINT64_MAX,
				     note_place, &scanned);
		assert_int_equal(scanned.cnt, 0);
	}
}

static bool keep_kind(void *ctx, enum code_ref ref, uint64_t insn, uint64_t addr)
{
	(void)insn;
	(void)addr;
	*(enum code_ref *)ctx = ref;
	return true;
}

static void a_walk_tells_stores_from_loads(void **state)
{
	static const uint8_t store[] = { 0x48, 0x89, 0x05, 0, 0, 0, 0 };
	static const uint8_t cmp[] = { 0x48, 0x83, 0x3d, 0, 0, 0, 0, 0 };
	enum code_ref ref = CODE_REF_LOAD;

	(void)state;
	arch_amd64.walk_refs(store, sizeof(store), 0x1000, keep_kind, &ref);
	assert_int_equal(ref, CODE_REF_STORE);
	arch_amd64.walk_refs(cmp, sizeof(cmp), 0x1000, keep_kind, &ref);
	assert_int_equal(ref, CODE_REF_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_found_by_the_machine_of_its_files),
		cmocka_unit_test(priced_functions_begin_as_those_of_go),
		cmocka_unit_test(each_priced_function_has_a_probe_of_its_own),
		cmocka_unit_test(priced_functions_return),
		cmocka_unit_test(a_walk_ends_when_it_is_told_to),
		cmocka_unit_test(a_scan_finds_what_a_walk_finds),
		cmocka_unit_test(a_walk_tells_stores_from_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
