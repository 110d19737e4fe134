// SPDX-License-Identifier: GPL-2.0-only
#include "process/operand.h"

struct operand_choice {
	enum code_ref ref;
	enum operand_pick pick;
	uint64_t *ret;
	bool found;
};

static bool operand_choose(void *ctx, enum code_ref ref, uint64_t insn, uint64_t addr)
{
	struct operand_choice *c = ctx;

	(void)insn;
	if (ref != c->ref)
		return true;
	*c->ret = addr;
	c->found = true;
	return c->pick == OPERAND_LAST;
}

bool operand_find(const struct operand_code *code, enum code_ref ref, enum operand_pick pick,
		  uint64_t *ret)
{
	struct operand_choice c = { .ref = ref, .pick = pick, .ret = ret };

	if (code->arch)
		code->arch->walk_refs(code->bytes, code->len, code->addr, operand_choose, &c);
	return c.found;
}

struct operand_set {
	uint64_t *addrs;
	size_t cnt;
	size_t max;
};

static bool operand_add(void *ctx, enum code_ref ref, uint64_t insn, uint64_t addr)
{
	struct operand_set *set = ctx;

	(void)ref;
	(void)insn;
	for (size_t i = 0; i < set->cnt; i++)
		if (set->addrs[i] == addr)
			return true;
	if (set->cnt < set->max)
		set->addrs[set->cnt++] = addr;
	return true;
}

size_t operand_list(const struct operand_code *code, uint64_t *ret, size_t max)
{
	struct operand_set set = { .addrs = ret, .max = max };

	if (code->arch)
		code->arch->walk_refs(code->bytes, code->len, code->addr, operand_add, &set);
	return set.cnt;
}
