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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_found_by_the_machine_of_its_files),
		cmocka_unit_test(priced_functions_begin_as_those_of_go),
		cmocka_unit_test(each_priced_function_has_a_probe_of_its_own),
		cmocka_unit_test(priced_functions_return),
		cmocka_unit_test(a_walk_ends_when_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
