// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>

#include "process/operand.h"

#define CODE 0x41f5e0ull

/*
 * The start of a Go function as the compiler makes it:
 *
 *	0	49 3b 66 10		cmp 0x10(%r14),%rsp
 *	4	76 26			jbe +0x26
 *	6	55			push %rbp
 *	7	48 89 e5		mov %rsp,%rbp
 *	10	48 83 ec 10		sub $0x10,%rsp
 *	14	48 8d 05 11 22 33 00	lea 0x332211(%rip),%rax
 *	21	48 8b 1d 44 33 22 00	mov 0x223344(%rip),%rbx
 *	28	e8 00 00 00 00		call
 *	33	48 8d 3d 00 10 00 00	lea 0x1000(%rip),%rdi
 *	40	48 89 3d 78 56 34 00	mov %rdi,0x345678(%rip)
 *	47	48 8d 4c 24 08		lea 0x8(%rsp),%rcx
 *	52	48 8b 0d f0 ff ff ff	mov -0x10(%rip),%rcx
 *	59	c3			ret
 */
static const uint8_t code[] = {
	0x49, 0x3b, 0x66, 0x10, 0x76, 0x26, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x48,
	0x8d, 0x05, 0x11, 0x22, 0x33, 0x00, 0x48, 0x8b, 0x1d, 0x44, 0x33, 0x22, 0x00, 0xe8, 0x00,
	0x00, 0x00, 0x00, 0x48, 0x8d, 0x3d, 0x00, 0x10, 0x00, 0x00, 0x48, 0x89, 0x3d, 0x78, 0x56,
	0x34, 0x00, 0x48, 0x8d, 0x4c, 0x24, 0x08, 0x48, 0x8b, 0x0d, 0xf0, 0xff, 0xff, 0xff, 0xc3,
};

static struct operand_code amd64_code(const uint8_t *bytes, size_t len)
{
	return (struct operand_code){ arch_find(EM_X86_64), bytes, len, CODE };
}

static bool find_in(const uint8_t *bytes, size_t len, enum code_ref ref, enum operand_pick pick,
		    uint64_t *ret)
{
	struct operand_code c = amd64_code(bytes, len);

	return operand_find(&c, ref, pick, ret);
}

static size_t list_in(const uint8_t *bytes, size_t len, uint64_t *ret, size_t max)
{
	struct operand_code c = amd64_code(bytes, len);

	return operand_list(&c, ret, max);
}

static uint64_t find(size_t len, enum code_ref ref, enum operand_pick pick)
{
	uint64_t addr = 0;

	return find_in(code, len, ref, pick, &addr) ? addr : 0;
}

/* The operand counts from the end of its instruction. */
static void finds_the_first_and_the_last(void **state)
{
	(void)state;
	assert_true(find(sizeof(code), CODE_REF_ADDRESS, OPERAND_FIRST) == CODE + 21 + 0x332211);
	assert_true(find(sizeof(code), CODE_REF_ADDRESS, OPERAND_LAST) == CODE + 40 + 0x1000);
	assert_true(find(sizeof(code), CODE_REF_LOAD, OPERAND_FIRST) == CODE + 28 + 0x223344);
	assert_true(find(sizeof(code), CODE_REF_LOAD, OPERAND_LAST) == CODE + 59 - 0x10);
}

static void stores_and_stack_operands_are_none(void **state)
{
	uint64_t addr = 7;

	(void)state;
	assert_false(find_in(code + 40, 12, CODE_REF_LOAD, OPERAND_FIRST, &addr));
	assert_false(find_in(code + 40, 12, CODE_REF_ADDRESS, OPERAND_FIRST, &addr));
	assert_false(find_in(code, 14, CODE_REF_ADDRESS, OPERAND_FIRST, &addr));
	assert_int_equal(addr, 7);
}

/* An instruction whose last byte is missing does not count. */
static void cut_code_is_not_read_beyond(void **state)
{
	(void)state;
	assert_int_equal(find(20, CODE_REF_ADDRESS, OPERAND_FIRST), 0);
	assert_true(find(21, CODE_REF_ADDRESS, OPERAND_FIRST) == CODE + 21 + 0x332211);
	assert_true(find(39, CODE_REF_ADDRESS, OPERAND_LAST) == CODE + 21 + 0x332211);
	assert_int_equal(find(0, CODE_REF_ADDRESS, OPERAND_FIRST), 0);
}

/* Bytes that are no instruction end the search; what was found before holds. */
static void undecodable_bytes_end_it(void **state)
{
	static const uint8_t bad[] = { 0x48, 0x8d, 0x05, 0x01, 0,    0,	   0, /* lea 1(%rip) */
				       0x06, /* none */
				       0x48, 0x8d, 0x05, 0x02, 0x00, 0x00, 0x00 };
	uint64_t addr;

	(void)state;
	assert_true(find_in(bad, sizeof(bad), CODE_REF_ADDRESS, OPERAND_LAST, &addr));
	assert_true(addr == CODE + 7 + 1);
	assert_false(find_in(bad + 7, sizeof(bad) - 7, CODE_REF_ADDRESS, OPERAND_FIRST, &addr));
}

/* A 32-bit load of a global, and registers that need a prefix. */
static void all_widths_and_registers(void **state)
{
	static const uint8_t mov32[] = { 0x8b, 0x05, 0x10, 0, 0, 0 };
	static const uint8_t r9[] = { 0x4c, 0x8d, 0x0d, 0x10, 0, 0, 0 };
	uint64_t addr;

	(void)state;
	assert_true(find_in(mov32, sizeof(mov32), CODE_REF_LOAD, OPERAND_FIRST, &addr));
	assert_true(addr == CODE + 6 + 0x10);
	assert_true(find_in(r9, sizeof(r9), CODE_REF_ADDRESS, OPERAND_FIRST, &addr));
	assert_true(addr == CODE + 7 + 0x10);
}

/* Loads, stores and comparisons alike, each address once. */
static void lists_every_address_once(void **state)
{
	static const uint8_t twice[] = {
		0x48, 0x8b, 0x05, 0x10, 0,    0, 0, /* mov 0x10(%rip),%rax */
		0x48, 0x89, 0x0d, 0x09, 0,    0, 0, /* mov %rcx,0x9(%rip): the same */
		0x48, 0x83, 0x3d, 0x10, 0,    0, 0, 0, /* cmpq $0,0x10(%rip) */
		0x48, 0x8b, 0x44, 0x24, 0x08, /* mov 0x8(%rsp),%rax */
	};
	uint64_t addrs[4] = { 0 };

	(void)state;
	assert_int_equal(list_in(twice, sizeof(twice), addrs, 4), 2);
	assert_true(addrs[0] == CODE + 7 + 0x10);
	assert_true(addrs[1] == CODE + 22 + 0x10);
	assert_int_equal(list_in(twice, sizeof(twice), addrs, 1), 1);
	assert_int_equal(list_in(twice, 6, addrs, 4), 0);
	assert_int_equal(list_in(code, sizeof(code), addrs, 4), 4);
}

/* Code of an architecture that we do not know refers to nothing. */
static void unknown_architecture_finds_nothing(void **state)
{
	struct operand_code c = { NULL, code, sizeof(code), CODE };
	uint64_t addr = 7;

	(void)state;
	assert_false(operand_find(&c, CODE_REF_ADDRESS, OPERAND_FIRST, &addr));
	assert_int_equal(operand_list(&c, &addr, 1), 0);
	assert_int_equal(addr, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_first_and_the_last),
		cmocka_unit_test(stores_and_stack_operands_are_none),
		cmocka_unit_test(cut_code_is_not_read_beyond),
		cmocka_unit_test(undecodable_bytes_end_it),
		cmocka_unit_test(all_widths_and_registers),
		cmocka_unit_test(lists_every_address_once),
		cmocka_unit_test(unknown_architecture_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
