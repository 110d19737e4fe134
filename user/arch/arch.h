/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arch.h - everything that depends on the processor architecture, behind one structure.
 *
 * To add an architecture, say arm64, touch these places:
 *
 *  user/arch/arm64.c		Define a `struct arch`. Its members say below what each one is.
 *  user/arch/arch.c		Add it to `archs` and arch_host(), its name to arch_names.
 *  bpf/regs_arm64.bpf.h	Give the BPF programs the registers of a Go function and of a
 *				system call; regs_x86.bpf.h has all the functions to define.
 *  bpf/regs.bpf.h		Include that file where __TARGET_ARCH_arm64 is defined.
 *  vmlinux/vmlinux.h		Add what the kernel's struct pt_regs is there.
 *  Makefile			Add libbpf's name of it (as in __TARGET_ARCH_*) to ARCHS.
 *  scripts/gen-layouts.sh	The rows of user/process/layout_rows.inc come from programs for
 *				linux/amd64: compare them with rows of the new one.
 *  tests/unit/test_placement.c	Add first bytes of its Go functions.
 *  tests/unit/test_operand.c	Add code that refers to globals.
 *  tests/unit/test_arch.c	Add each instruction that may refer to one.
 *  tests/e2e/mapped.pl, leak.pl	They know system call numbers of x86_64.
 *  tests/targets/lib/pagemap	It takes pages to have 4096 bytes.
 *  scripts/vm.sh		It boots kernels for x86_64.
 *  README.md			It names the architectures that work.
 *
 * Nothing has to be done for these, which are the same on all 64-bit little-endian
 * architectures that Go runs on: frame pointers (a saved one, then the return address),
 * g.stack and g.stackguard0 at offsets 0 and 16, sizes of pages and arenas of the Go heap.
 * Page faults are watched by the tracepoint exceptions:page_fault_user, which only x86 has;
 * elsewhere the report says that they are not watched.
 */
#ifndef MAPTRACE_ARCH_ARCH_H
#define MAPTRACE_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* ---- Operands: addresses of globals in code ---- */

/* What an instruction does with the address that it refers to. */
enum code_ref {
	CODE_REF_ADDRESS, /* takes the address itself: lea on amd64, adrp and add on arm64 */
	CODE_REF_LOAD, /* loads a register from there */
	CODE_REF_STORE, /* stores a register or a constant there */
	CODE_REF_OTHER, /* compares, adds or anything else */
};

/* Called for each reference of the instruction at insn, in the order of the code. Returns false
 * to end the walk. */
typedef bool (*code_ref_fn)(void *ctx, enum code_ref ref, uint64_t insn, uint64_t addr);

/* Called for each place that looks like a reference: `at` is inside of the instruction, and
 * `addr` is what it refers to. Returns false to end the scan. */
typedef bool (*code_place_fn)(void *ctx, uint64_t at, uint64_t addr);

/* ---- Placement: where in a Go function to put a uprobe ---- */

/*
 * Three things decide (figures: one amd64 machine, 2026):
 *  - Cost. The kernel emulates a few instructions (on amd64: push of a register, relative jumps),
 *    which takes about 1 us a hit. It single-steps all others: about 10 us a hit.
 *  - One hit a call. A Go function starts with a stack check. When the stack must grow, the
 *    function starts over, so a probe before the end of the check is hit again.
 *  - Arguments intact and frame not built yet. The arguments are in the registers of Go's ABI,
 *    and the return address is where the call left it.
 *
 * One place is forbidden. Linux 6.18 turns a probe on a nop of 5 bytes into a call to a page
 * ([uprobes-trampoline]) that it maps into the process, and leaves there.
 *
 * So the best place is a push after the stack check; then the jump of the check itself, whose
 * flags tell whether the call will come again; then the first instruction.
 */
enum placement_kind {
	PLACEMENT_PUSH, /* a push, hit once a call: emulated */
	PLACEMENT_JUMP, /* the jump of the stack check: emulated, hit again after a stack growth */
	PLACEMENT_ENTRY, /* the first instruction: single-stepped, maybe several hits a call */
};
#define PLACEMENT_KIND_CNT (PLACEMENT_ENTRY + 1)

struct placement {
	enum placement_kind kind;
	uint32_t off; /* from the start of the function */
	bool cheap; /* the kernel emulates the instruction */
	bool leaves_trace; /* after the probe is gone the target is not as it was: do not probe */
	char insn[48]; /* the instruction, for people */
	const char *reason; /* why it was chosen, for people; static */
};

/* ---- Functions of our own, to measure the price of a hit ---- */

/* The memory that such a function is called with. It serves as map header, g and frame at once. */
struct arch_stage {
	uint64_t next; /* of the frame: the stage itself. Of the g: the lower end of its stack */
	uint64_t ret; /* of the frame. Of the g: the upper end, so the map is not on the stack */
	uint64_t rest[8]; /* the stack check compares with a 0 in here */
};

/* One function that begins like a function of Go. */
struct arch_priced {
	const char *function; /* where the call goes */
	const char *probe; /* where the probe sits */
};

/* There are two functions of each kind of placement, one for each way to record a hit. */
enum { ARCH_PRICED_WAYS = 2 };

/* ---- Maps in variables ---- */

/* What a function that is called means for maps. */
enum code_call {
	CODE_CALL_OTHER,
	CODE_CALL_MAP, /* its first argument is the type of a map, the second one is the map */
	CODE_CALL_MAKE, /* makes a map of the type that is its first argument */
	CODE_CALL_MAKE_SMALL, /* makes a map, and is not told of which type */
	CODE_CALL_BARRIER, /* changes no register */
};

struct code_map_calls {
	enum code_call (*call)(void *ctx, uint64_t function);
	/* The variable at `var` has maps of the type whose descriptor is at `type`. */
	void (*found)(void *ctx, uint64_t var, uint64_t type);
	void *ctx;
};

/* ---- The architecture ---- */

struct arch {
	/* e_machine of its ELF files. */
	uint16_t machine;

	/* runtime.arenaBaseOffset: the address that the indexes of arenas and of page chunks
	 * count from. amd64 maps the two halves of its address space onto one range with it;
	 * arm64 has 0 (Go source: runtime/malloc.go arenaBaseOffset). */
	uint64_t arena_base;

	/* Calls fn for each address that instructions in the code refer to relative to their
	 * own. `addr` is where the code is at run time. The walk ends at bytes that are not an
	 * instruction. */
	void (*walk_refs)(const uint8_t *code, size_t len, uint64_t addr, code_ref_fn fn,
			  void *ctx);

	/* Calls fn for each place in the code that may be a reference to [lo, hi). It looks at
	 * bytes and decodes nothing: some 1 GB a second. So one place in a hundred may be no
	 * reference, which walk_refs() tells. */
	void (*scan_refs)(const uint8_t *code, size_t len, uint64_t addr, uint64_t lo, uint64_t hi,
			  code_place_fn fn, void *ctx);

	/* Tells which variables have maps of which type, by what one function does with them: it
	 * stores a map to the variable that it made with that type, or gives what it has loaded from
	 * the variable to a map function, with the type. */
	void (*walk_map_vars)(const uint8_t *code, size_t len, uint64_t addr,
			      const struct code_map_calls *calls);

	/* Where the first call of a function in [lo, hi) leads to; 0: there is none. It decodes
	 * nothing, so one in some thousand may be no call. */
	uint64_t (*first_call)(const uint8_t *code, size_t len, uint64_t addr, uint64_t lo,
			       uint64_t hi);

	/* Chooses the place of a probe in the first bytes of a function. ERR_FORMAT when they
	 * are not an instruction; *ret is left alone then. */
	struct err *(*place_probe)(const void *code, size_t code_sz, struct placement *ret);

	/* What the kernel puts before the name of a system call to name the function that
	 * handles it: "__x64_sys_", "__arm64_sys_". */
	const char *syscall_prefix;

	/* By kind of placement. NULL where maptrace is built for another architecture, because
	 * this is machine code that runs in a process of our own. */
	const struct arch_priced (*priced)[ARCH_PRICED_WAYS];

	/* Calls such a function `cnt` times with both integer arguments, g and frame pointer
	 * pointing to the stage, as Go's ABI has them in registers. */
	void (*call_priced)(const char *function, uint64_t cnt, const struct arch_stage *stage);
};

/* The architecture of an ELF file, by its e_machine; NULL when we do not know it. */
const struct arch *arch_find(uint16_t machine);

/* The architecture that maptrace is built for. */
const struct arch *arch_host(void);

/* Go's names of all architectures that we know, for messages: "amd64". */
extern const char arch_names[];

/* Each is defined in a file of its own; arch.c lists them all. */
extern const struct arch arch_amd64;

#endif
