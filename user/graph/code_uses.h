/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * code_uses.h - which instructions refer to which words of data and bss.
 *
 * One scan over the bytes of the code finds places that may be references. Only when somebody asks
 * for a word, the functions that seem to refer to it are decoded, each at most once. So the work
 * is linear in the size of the code at worst, and much less for the words of a few variables.
 */
#ifndef MAPTRACE_GRAPH_CODE_USES_H
#define MAPTRACE_GRAPH_CODE_USES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/vec.h"
#include "process/mem.h"

struct mem_cache;
struct pclntab;
struct program;
struct data_roots;

/* The code of one module. */
struct code_module {
	struct mem *mem;
	const struct pclntab *funcs;
	uint64_t func_cnt; /* at most */
	uint64_t text;
	uint64_t etext;
	uint64_t lo; /* its data and bss are in [lo, hi) */
	uint64_t hi;
	/* Plugins refer to a variable through a slot that has its address. Slots are in
	 * [slots_lo, slots_hi), which is empty for programs without plugins. */
	uint64_t slots_lo;
	uint64_t slots_hi;
	struct mem_cache *slots;
	/* The places: offset of the word from lo in the upper half, offset of the instruction from
	 * text in the lower half. Ascending. */
	VEC(uint64_t) places;
	uint8_t *proofs; /* for each of them: 1 + enum code_ref when it was decoded, else 0 */
	uint8_t *decoded; /* a bit for each function, by its index */
};

struct code_uses {
	const struct arch *arch;
	const volatile bool *stop;
	uint64_t since_ns; /* when the work that goes on began */
	uint64_t spent_ns; /* time of all work before */
	VEC(struct code_module) modules; /* by number, as in struct data_range */
	size_t place_cnt;
	bool incomplete; /* the scan ended early */
};

/* Scans the code of all modules, and resumes the time; stop may be NULL. Release with
 * code_uses_fini(). */
struct err *code_uses_init(struct code_uses *uses, const struct program *prog,
			   const struct data_roots *roots, const volatile bool *stop);
void code_uses_fini(struct code_uses *uses);

/* All work together may take this long. Real programs take a tenth of it at most, but a hostile one
 * may have tables that are long to walk. */
#define CODE_USES_NS_MAX 5000000000ull

/* Time counts between these two. */
void code_uses_resume(struct code_uses *uses);
void code_uses_pause(struct code_uses *uses);

/* Whether the work has to end: it was stopped, or took too long. What is asked for from then on
 * is not complete. */
bool code_uses_stopped(const struct code_uses *uses);

/* Called for each instruction that refers to a word, with an address inside of it. Returns false
 * to end the walk. */
typedef bool (*code_use_fn)(void *ctx, enum code_ref ref, uint64_t pc);

/* Visits the uses of the word at addr, in the order of the code. Returns the number of visits. */
size_t code_uses_visit(struct code_uses *uses, uint32_t module, uint64_t addr, code_use_fn fn,
		       void *ctx);

/* The highest word in [from, addr] that is used; false when there is none. */
bool code_uses_below(struct code_uses *uses, uint32_t module, uint64_t from, uint64_t addr,
		     uint64_t *ret);

#endif
