// SPDX-License-Identifier: GPL-2.0-only
#include "graph/var_maps.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "process/pclntab.h"

enum {
	FUNC_SZ_MAX = 4 << 20,
	CODE_BYTES_MAX = 32 << 20, /* in all: a hostile program cannot make us decode more */
};

/* The types do not agree. */
#define TYPES_DIFFER UINT64_MAX

/* Functions of the runtime that compiled code calls for maps. Their arguments are {type, map, ...},
 * those of makemap {type, hint, map} (go-runtime facts 2.1). */
static const struct {
	const char *name;
	enum code_call call;
} known_calls[] = {
	{ "runtime.mapaccess1", CODE_CALL_MAP },
	{ "runtime.mapaccess1_fast32", CODE_CALL_MAP },
	{ "runtime.mapaccess1_fast64", CODE_CALL_MAP },
	{ "runtime.mapaccess1_faststr", CODE_CALL_MAP },
	{ "runtime.mapaccess1_fat", CODE_CALL_MAP },
	{ "runtime.mapaccess2", CODE_CALL_MAP },
	{ "runtime.mapaccess2_fast32", CODE_CALL_MAP },
	{ "runtime.mapaccess2_fast64", CODE_CALL_MAP },
	{ "runtime.mapaccess2_faststr", CODE_CALL_MAP },
	{ "runtime.mapaccess2_fat", CODE_CALL_MAP },
	{ "runtime.mapassign", CODE_CALL_MAP },
	{ "runtime.mapassign_fast32", CODE_CALL_MAP },
	{ "runtime.mapassign_fast32ptr", CODE_CALL_MAP },
	{ "runtime.mapassign_fast64", CODE_CALL_MAP },
	{ "runtime.mapassign_fast64ptr", CODE_CALL_MAP },
	{ "runtime.mapassign_faststr", CODE_CALL_MAP },
	{ "runtime.mapdelete", CODE_CALL_MAP },
	{ "runtime.mapdelete_fast32", CODE_CALL_MAP },
	{ "runtime.mapdelete_fast64", CODE_CALL_MAP },
	{ "runtime.mapdelete_faststr", CODE_CALL_MAP },
	{ "runtime.mapiterinit", CODE_CALL_MAP },
	{ "runtime.mapIterStart", CODE_CALL_MAP },
	{ "runtime.mapclear", CODE_CALL_MAP },
	{ "runtime.makemap", CODE_CALL_MAKE },
	{ "runtime.makemap64", CODE_CALL_MAKE },
	{ "runtime.makemap_small", CODE_CALL_MAKE_SMALL },
	{ "runtime.gcWriteBarrier", CODE_CALL_BARRIER },
	{ "runtime.gcWriteBarrierCX", CODE_CALL_BARRIER },
	{ "runtime.gcWriteBarrierDX", CODE_CALL_BARRIER },
	{ "runtime.gcWriteBarrierBX", CODE_CALL_BARRIER },
	{ "runtime.gcWriteBarrierBP", CODE_CALL_BARRIER },
	{ "runtime.gcWriteBarrierSI", CODE_CALL_BARRIER },
	{ "runtime.gcWriteBarrierR8", CODE_CALL_BARRIER },
	{ "runtime.gcWriteBarrierR9", CODE_CALL_BARRIER },
};

void var_maps_init(struct var_maps *vm, const struct program *prog, struct code_uses *uses)
{
	*vm = (struct var_maps){ .prog = prog, .uses = uses };
}

void var_maps_fini(struct var_maps *vm)
{
	vec_fini(&vm->calls);
	vec_fini(&vm->types);
	table_fini(&vm->call_at);
	table_fini(&vm->walked);
	table_fini(&vm->by_var);
}

static void var_maps_open(struct var_maps *vm)
{
	vm->opened = true;
	for (size_t i = 0; i < sizeof(known_calls) / sizeof(known_calls[0]); i++) {
		struct gofunc func;

		if (!pclntab_find(vm->prog->funcs, known_calls[i].name, &func) ||
		    table_get(&vm->call_at, func.addr) != TABLE_NONE)
			continue;
		struct map_callee f = { func.addr, known_calls[i].call };
		if (!vec_push(&vm->calls, f) ||
		    !table_put(&vm->call_at, func.addr, vm->calls.len - 1))
			return; /* what is not known is not told */
	}
}

/* gcWriteBarrier1 to 8 of Go 1.21 and later: they return a buffer in R11, which holds nothing that
 * matters, and have one body. */
static enum code_call var_maps_call(void *ctx, uint64_t function)
{
	struct var_maps *vm = ctx;
	size_t i = table_get(&vm->call_at, function);

	if (i != TABLE_NONE)
		return vm->calls.data[i].call;
	char name[32];
	_cleanup_err_ struct err *err = pclntab_name(vm->prog->funcs, program_image_mem(vm->prog),
						     function, name, sizeof(name));
	enum code_call call = !err && !__builtin_strncmp(name, "runtime.gcWriteBarrier", 22)
				      ? CODE_CALL_BARRIER
				      : CODE_CALL_OTHER;
	struct map_callee f = { function, call };
	if (vec_push(&vm->calls, f))
		table_put(&vm->call_at, function, vm->calls.len - 1);
	return call;
}

static void var_maps_found(void *ctx, uint64_t var, uint64_t type)
{
	struct var_maps *vm = ctx;
	size_t i = table_get(&vm->by_var, var);

	if (i != TABLE_NONE) {
		if (vm->types.data[i] != type)
			vm->types.data[i] = TYPES_DIFFER;
		return;
	}
	if (vec_push(&vm->types, type) && !table_put(&vm->by_var, var, vm->types.len - 1))
		vm->types.len--;
}

/* Decodes a function, each once. */
static bool var_maps_walk(void *ctx, enum code_ref ref, uint64_t pc)
{
	struct var_maps *vm = ctx;
	struct code_map_calls calls = { var_maps_call, var_maps_found, vm };
	struct func_record f;

	(void)ref;
	if (code_uses_stopped(vm->uses))
		return false;
	if (!pclntab_at(vm->prog->funcs, pc, &f) || f.size > FUNC_SZ_MAX ||
	    vm->bytes + f.size > CODE_BYTES_MAX || table_get(&vm->walked, f.addr) != TABLE_NONE)
		return true;
	_cleanup_free_ uint8_t *code = malloc(f.size);
	if (!code || !table_put(&vm->walked, f.addr, 0))
		return false;
	_cleanup_err_ struct err *err = mem_read(program_image_mem(vm->prog), f.addr, code, f.size);
	vm->bytes += f.size;
	if (!err)
		vm->uses->arch->walk_map_vars(code, f.size, f.addr, &calls);
	return true;
}

uint64_t var_maps_find(struct var_maps *vm, uint32_t module, uint64_t addr)
{
	/* Plugins call the runtime through other addresses. */
	if (module || !vm->uses->arch)
		return 0;
	if (!vm->opened)
		var_maps_open(vm);
	code_uses_visit(vm->uses, module, addr, var_maps_walk, vm);
	size_t i = table_get(&vm->by_var, addr);
	/* Code that was not looked at might disagree. */
	if (i == TABLE_NONE || vm->types.data[i] == TYPES_DIFFER || code_uses_stopped(vm->uses))
		return 0;
	return vm->types.data[i];
}
