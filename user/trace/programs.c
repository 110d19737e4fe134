// SPDX-License-Identifier: GPL-2.0-only
#include "trace/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "bpf/maps.skel.h"
#include "bpf/memcalls.skel.h"
#include "trace/attach.h"
#include "trace/capability.h"
#include "trace/functions.h"
#include "trace/identity.h"

#define RING_SZ_MIN (256 * 1024)
#define RING_SZ_MAX (64 * 1024 * 1024)

/* What the kernel puts before each record in a ring. */
#define RING_HEADER_SZ 8

/* ---- Messages of libbpf ---- */

/* The last warning, which is the best that is known about a failure. */
static _Thread_local char last_warning[256];

__attribute__((format(printf, 2, 0))) static int print_message(enum libbpf_print_level level,
							       const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;
	int len;

	if (level == LIBBPF_DEBUG)
		return 0; /* hundreds of lines on every load */
	len = vasprintf(&text, fmt, ap);
	if (len < 0) {
		text = NULL;
		return len;
	}
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	if (level == LIBBPF_WARN)
		snprintf(last_warning, sizeof(last_warning), "%s", text);
	log_debug("%s", text);
	return len;
}

static bool is_locked_down(void)
{
	char modes[128] = "";
	_cleanup_fclose_ FILE *f = fopen("/sys/kernel/security/lockdown", "re");

	return f && fgets(modes, sizeof(modes), f) && strstr(modes, "[confidentiality]");
}

/* What our programs need and this kernel lacks; NULL when it seems to have all. Asked
 * only when loading has failed: the verifier's words help nobody at 3 a.m. */
static const char *missing_feature(void)
{
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 0)
		return "BPF ring buffers (Linux 5.8)";
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 0)
		return "BPF cookies for uprobes (Linux 5.15)";
	if (is_locked_down())
		return "BPF reads of memory, which lockdown=confidentiality forbids";
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return "BTF (CONFIG_DEBUG_INFO_BTF)";
	return NULL;
}

static struct err *load_err(int failed, const char *what)
{
	/* EACCES is the verifier's no. */
	if (failed == EPERM)
		return err_wrap(capability_err("loading BPF programs"), "%s", what);
	if (failed == ENOMEM)
		return err_nomem();

	char warning[sizeof(last_warning)]; /* probing makes libbpf warn, too */
	memcpy(warning, last_warning, sizeof(warning));
	const char *missing = missing_feature();
	if (missing)
		return err_new(ERR_KERNEL, "%s: this kernel lacks %s", what, missing);
	return err_new(ERR_KERNEL, "this kernel does not take our BPF programs (%s): %s%s%s", what,
		       strerror(failed), warning[0] ? ": " : "", warning);
}

/* What was asked for, or the next power of two that holds cnt records of sz bytes twice. */
static uint32_t ring_size(const struct trace_opts *opts, uint64_t cnt, size_t sz)
{
	if (opts->ring_sz)
		return opts->ring_sz;

	uint64_t want = 2 * cnt * (sz + RING_HEADER_SZ);
	uint32_t size = RING_SZ_MIN;

	while (size < want && size < RING_SZ_MAX)
		size *= 2;
	return size;
}

/* ---- Counters ---- */

/* Sums the one value of a map, which is nothing but counters, over the CPUs. */
static struct err *counters_read(const struct bpf_map *map, void *ret, size_t sz, const char *what)
{
	int cpu_cnt = libbpf_num_possible_cpus();
	_cleanup_free_ __u64 *values = cpu_cnt > 0 ? calloc((size_t)cpu_cnt, sz) : NULL;
	__u64 *sums = ret;
	size_t cnt = sz / sizeof(*sums);
	uint32_t zero = 0;

	if (!values)
		return err_nomem();
	if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, values))
		return err_os(errno, "%s", what);
	memset(sums, 0, sz);
	for (int cpu = 0; cpu < cpu_cnt; cpu++)
		for (size_t i = 0; i < cnt; i++)
			sums[i] += values[(size_t)cpu * cnt + i];
	return NULL;
}

/* ---- Map functions ---- */

static void functions_fill(struct maps_bpf *skel, const struct sites *sites)
{
	for (size_t i = 0; i < sites->cnt; i++) {
		const struct map_function *function = &map_functions[i];
		const struct trace_site *site = &sites->site[i];
		struct abi_func *func = &skel->rodata->funcs[i];

		func->op = function->op;
		func->group = function->group;
		func->args = function->args;
		if (function->nested)
			func->flags |= ABI_FUNC_NESTED;
		if (site->placement.kind == PLACEMENT_JUMP)
			func->flags |= ABI_FUNC_AT_JUMP;
	}
	for (size_t i = 0; i < PRICED_FUNCTION_CNT; i++) {
		skel->rodata->funcs[ABI_PRICED_FIRST + i] = (struct abi_func){
			.op = ABI_OP_INSERT,
			.group = priced_function_group(i),
			.args = ABI_ARGS_T_M,
			.flags = ABI_FUNC_NESTED, /* looks for its caller, finds nothing */
		};
	}
}

/* Functions that count for their nested ones: only those that are probed themselves. */
static struct err *outer_fill(struct maps_bpf *skel, const struct sites *sites)
{
	uint32_t cnt = 0;

	for (size_t i = 0; i < sites->cnt; i++) {
		const struct trace_site *site = &sites->site[i];
		if (site->missing || map_functions[i].nested || site->op == ABI_OP_INSERT)
			continue;
		if (cnt == ABI_RANGE_MAX)
			return err_new(ERR_KERNEL, "more outer functions than ABI_RANGE_MAX");
		skel->rodata->outer[cnt++] = (struct abi_range){
			.start = site->func_addr,
			.size = site->func_size,
			.op = site->op,
		};
	}
	skel->rodata->outer_cnt = cnt;
	return NULL;
}

static struct err *maps_configure(struct maps_bpf *skel, const struct trace_opts *opts,
				  const struct sites *sites, const struct abi_target *target,
				  enum trace_attach how)
{
	uint64_t hits = 0;
	enum bpf_attach_type type = how == TRACE_ATTACH_MULTI ? ATTACH_TYPE_UPROBE_MULTI : 0;

	for (size_t i = 0; i < ABI_GROUP_CNT; i++)
		hits += opts->quota[i].hits;
	skel->rodata->target = *target;
	skel->rodata->header_sz = opts->layout.header_sz;
	skel->rodata->goid_off = opts->goid_off;
	functions_fill(skel, sites);
	bpf_map__set_max_entries(skel->maps.records,
				 ring_size(opts, hits, sizeof(struct abi_map_event_rec)));
	bpf_program__set_expected_attach_type(skel->progs.map_function, type);
	bpf_program__set_expected_attach_type(skel->progs.priced_function, type);
	bpf_program__set_expected_attach_type(skel->progs.selftest, type);
	return outer_fill(skel, sites);
}

static struct err *maps_load(const struct trace_opts *opts, const struct sites *sites,
			     const struct abi_target *target, enum trace_attach how,
			     struct maps_bpf **ret)
{
	last_warning[0] = '\0';
	struct maps_bpf *skel = maps_bpf__open();
	if (!skel)
		return load_err(errno, "map functions");

	struct err *err = maps_configure(skel, opts, sites, target, how);
	if (!err) {
		int failed = maps_bpf__load(skel);
		if (failed)
			err = load_err(-failed, "map functions");
	}
	if (!err && how == TRACE_ATTACH_MULTI)
		err = attach_selftest(skel->progs.selftest, &skel->bss->selftest_hits);
	if (err) {
		maps_bpf__destroy(skel);
		return err;
	}
	*ret = skel;
	return NULL;
}

/* Loads for the best mechanism that works. */
static struct err *maps_choose(const struct trace_opts *opts, const struct sites *sites,
			       const struct abi_target *target, struct programs *ret)
{
	struct err *err;

	if (!sites->probed)
		return err_new(ERR_UNSUPPORTED, "none of Go's map functions is in the program");
	ret->mechanism = TRACE_ATTACH_MULTI;
	if (opts->attach == TRACE_ATTACH_MULTI)
		return maps_load(opts, sites, target, TRACE_ATTACH_MULTI, &ret->_maps);
	if (opts->attach == TRACE_ATTACH_AUTO) {
		err = maps_load(opts, sites, target, TRACE_ATTACH_MULTI, &ret->_maps);
		if (!err || err_is(err, ERR_PERM) || err_is(err, ERR_NOMEM))
			return err;
		log_debug("%s; going on with one perf event a probe", err->msg);
		err_free(err);
	}
	ret->mechanism = TRACE_ATTACH_PERF;
	return maps_load(opts, sites, target, TRACE_ATTACH_PERF, &ret->_maps);
}

/* ---- Memory calls ---- */

/* Points the programs at the kernel functions that handle the system calls. Where these have
 * other names than we know, memory calls are missing. */
static struct err *memcalls_aim(struct memcalls_bpf *skel)
{
	const struct {
		struct bpf_program *prog;
		const char *call;
	} aims[] = {
		{ skel->progs.mmap_enter, "mmap" },	  { skel->progs.mmap_exit, "mmap" },
		{ skel->progs.munmap_enter, "munmap" },	  { skel->progs.munmap_exit, "munmap" },
		{ skel->progs.madvise_enter, "madvise" }, { skel->progs.madvise_exit, "madvise" },
	};

	for (size_t i = 0; i < sizeof(aims) / sizeof(aims[0]); i++) {
		char function[64];

		snprintf(function, sizeof(function), "%s%s", arch_host()->syscall_prefix,
			 aims[i].call);
		if (bpf_program__set_attach_target(aims[i].prog, 0, function))
			return err_new(ERR_KERNEL, "the kernel's BTF does not have %s", function);
	}
	return NULL;
}

/* Why page faults are not watched; NULL when nothing is in the way. */
static const char *refaults_lack(const struct trace_opts *opts)
{
	if (!opts->refaults)
		return "not asked for";
	if (opts->max_overhead <= 0)
		return "--max-overhead 0";
	if (libbpf_find_vmlinux_btf_id("page_fault_user", BPF_TRACE_RAW_TP) < 0)
		return "the kernel has no tracepoint exceptions:page_fault_user";
	return NULL;
}

/* Without it nothing is kept for it either: no chunks, and nothing to do in calls. */
static void refaults_configure(struct memcalls_bpf *skel, bool on)
{
	bpf_program__set_autoload(skel->progs.page_fault, on);
	bpf_program__set_autoattach(skel->progs.page_fault, false);
	if (on)
		skel->rodata->page_shift = (uint32_t)__builtin_ctzl((size_t)sysconf(_SC_PAGESIZE));
	else
		bpf_map__set_max_entries(skel->maps.chunks, 1);
}

static struct err *memcalls_configure(struct memcalls_bpf *skel, const struct trace_opts *opts,
				      const struct abi_target *target, enum trace_memcalls by,
				      bool refaults)
{
	struct bpf_program *prog;

	skel->rodata->target = *target;
	skel->rodata->call_nr[ABI_CALL_MMAP] = SYS_mmap;
	skel->rodata->call_nr[ABI_CALL_MUNMAP] = SYS_munmap;
	skel->rodata->call_nr[ABI_CALL_MADVISE] = SYS_madvise;
	bpf_map__set_max_entries(skel->maps.records, ring_size(opts, opts->memcalls_per_s,
							       sizeof(struct abi_memcall_rec)));
	bpf_object__for_each_program(prog, skel->obj)
	{
		bool tracepoint = prog == skel->progs.any_enter || prog == skel->progs.any_exit;
		bpf_program__set_autoload(prog, tracepoint == (by == TRACE_MEMCALLS_TRACEPOINTS));
	}
	refaults_configure(skel, refaults);
	return by == TRACE_MEMCALLS_TRACEPOINTS ? NULL : memcalls_aim(skel);
}

static struct err *memcalls_load(const struct trace_opts *opts, const struct abi_target *target,
				 enum trace_memcalls by, bool refaults, struct programs *ret)
{
	last_warning[0] = '\0';
	struct memcalls_bpf *skel = memcalls_bpf__open();
	if (!skel)
		return load_err(errno, "memory calls");

	struct err *err = memcalls_configure(skel, opts, target, by, refaults);
	if (!err) {
		int failed = memcalls_bpf__load(skel);
		if (failed)
			err = load_err(-failed, "memory calls");
	}
	if (err) {
		memcalls_bpf__destroy(skel);
		return err;
	}
	ret->_memcalls = skel;
	ret->memcalls_by = by;
	return NULL;
}

/* With the page fault program, or without it and the reason. */
static struct err *memcalls_load_most(const struct trace_opts *opts,
				      const struct abi_target *target, enum trace_memcalls by,
				      struct programs *ret)
{
	ret->refaults_missing = refaults_lack(opts);
	if (!ret->refaults_missing) {
		struct err *err = memcalls_load(opts, target, by, /* refaults */ true, ret);
		if (!err || err_is(err, ERR_PERM) || err_is(err, ERR_NOMEM))
			return err;
		log_debug("%s; going on without page faults", err->msg);
		err_free(err);
		ret->refaults_missing = "the kernel does not take the program on page faults";
	}
	return memcalls_load(opts, target, by, /* refaults */ false, ret);
}

static struct err *memcalls_choose(const struct trace_opts *opts, const struct abi_target *target,
				   struct programs *ret)
{
	struct err *err;

	if (opts->memcalls == TRACE_MEMCALLS_TRACEPOINTS)
		return memcalls_load_most(opts, target, TRACE_MEMCALLS_TRACEPOINTS, ret);
	err = memcalls_load_most(opts, target, TRACE_MEMCALLS_FUNCTIONS, ret);
	if (!err || opts->memcalls == TRACE_MEMCALLS_FUNCTIONS)
		return err;
	log_debug("%s; going on with tracepoints", err->msg);
	err_free(err);
	return memcalls_load_most(opts, target, TRACE_MEMCALLS_TRACEPOINTS, ret);
}

struct err *programs_attach_memcalls(const struct programs *programs)
{
	if (!programs->_memcalls)
		return NULL;

	last_warning[0] = '\0';
	int failed = memcalls_bpf__attach(programs->_memcalls);
	return failed ? load_err(-failed, "memory calls") : NULL;
}

void programs_detach_memcalls(const struct programs *programs)
{
	if (programs->_memcalls)
		memcalls_bpf__detach(programs->_memcalls);
}

/* ---- Page faults ---- */

struct err *programs_attach_faults(struct programs *programs)
{
	last_warning[0] = '\0';
	programs->_faults = bpf_program__attach(programs->_memcalls->progs.page_fault);
	return programs->_faults ? NULL : load_err(errno, "page faults");
}

void programs_detach_faults(struct programs *programs)
{
	bpf_link__destroy(take_ptr(programs->_faults));
}

/* All but number 0, which has no stack. */
static struct err *givers_read(const struct programs *programs, const struct abi_fault_meter *sum,
			       struct trace_giver givers[ABI_GIVERS], size_t *cnt)
{
	int fd = bpf_map__fd(programs->_memcalls->maps.givers);
	struct abi_giver key;
	void *previous = NULL;
	uint32_t number;

	while (*cnt < ABI_GIVERS && !bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &number))
			return err_os(errno, "reading who gave memory back");
		struct trace_giver *giver = &givers[(*cnt)++];
		memcpy(giver->stack, key.stack, sizeof(giver->stack));
		giver->pages = programs->fault_state->giver_pages[number % ABI_GIVERS];
		giver->faults = sum->givers[number % ABI_GIVERS];
	}
	return NULL;
}

struct err *programs_read_refaults(const struct programs *programs, uint64_t ages[ABI_AGE_BINS],
				   struct trace_giver givers[ABI_GIVERS], size_t *cnt_ret)
{
	_cleanup_free_ struct abi_fault_meter *sum = calloc(1, sizeof(*sum));
	size_t cnt = 1;

	if (!sum)
		return err_nomem();
	struct err *err = counters_read(programs->_memcalls->maps.fault_meters, sum, sizeof(*sum),
					"reading the counters of page faults");
	if (err)
		return err;
	givers[0] = (struct trace_giver){
		.pages = programs->fault_state->giver_pages[0],
		.faults = sum->givers[0],
	};
	err = givers_read(programs, sum, givers, &cnt);
	if (err)
		return err;
	memcpy(ages, sum->ages, sizeof(sum->ages));
	*cnt_ret = cnt;
	return NULL;
}

/* ---- All ---- */

/* Keeps the reason why one set is missing, and frees err. */
static struct err *reason_keep(struct err *err, char **ret)
{
	if (!err)
		return NULL;
	*ret = strdup(err->msg);
	err_free(err);
	return *ret ? NULL : err_nomem();
}

/* Loads both sets, or one and the reason why the other is missing. */
static struct err *sets_load(const struct trace_opts *opts, const struct sites *sites,
			     const struct abi_target *target, struct programs *programs)
{
	struct err *maps_err = maps_choose(opts, sites, target, programs);
	struct err *memcalls_err = memcalls_choose(opts, target, programs);

	if (maps_err && memcalls_err) {
		err_free(memcalls_err);
		return maps_err;
	}
	maps_err = reason_keep(maps_err, &programs->maps_missing);
	memcalls_err = reason_keep(memcalls_err, &programs->memcalls_missing);
	return maps_err ? maps_err : memcalls_err;
}

struct err *programs_load(const struct trace_opts *opts, const struct sites *sites,
			  struct programs *ret)
{
	struct programs programs = { 0 };
	struct abi_target target;
	struct err *err = identity_read(opts->pid, &target);

	if (err)
		return err;
	libbpf_set_print(print_message);
	err = sets_load(opts, sites, &target, &programs);
	if (err) {
		programs_fini(&programs);
		return err;
	}
	if (programs._maps) {
		programs.map_function = programs._maps->progs.map_function;
		programs.priced_function = programs._maps->progs.priced_function;
		programs.groups = programs._maps->bss->groups;
	}
	if (programs._memcalls)
		programs.mem_state = &programs._memcalls->bss->state;
	if (programs.memcalls_missing)
		programs.refaults_missing = programs.memcalls_missing;
	if (!programs.refaults_missing)
		programs.fault_state = &programs._memcalls->bss->fault_state;
	*ret = programs;
	return NULL;
}

void programs_fini(struct programs *programs)
{
	programs_detach_faults(programs);
	maps_bpf__destroy(programs->_maps);
	memcalls_bpf__destroy(programs->_memcalls);
	free(programs->maps_missing);
	free(programs->memcalls_missing);
	*programs = (struct programs){ 0 };
}

static struct err *ring_add(struct ring_buffer **rings, const struct bpf_map *map,
			    programs_record_fn fn, void *ctx)
{
	int fd = bpf_map__fd(map);

	if (!*rings) {
		*rings = ring_buffer__new(fd, fn, ctx, NULL);
		return *rings ? NULL : err_os(errno, "mapping a ring buffer");
	}
	int failed = ring_buffer__add(*rings, fd, fn, ctx);
	return failed ? err_os(-failed, "mapping a ring buffer") : NULL;
}

struct err *programs_open_rings(const struct programs *programs, programs_record_fn fn, void *ctx,
				struct ring_buffer **ret)
{
	struct ring_buffer *rings = NULL;
	struct err *err = NULL;

	if (programs->_maps)
		err = ring_add(&rings, programs->_maps->maps.records, fn, ctx);
	if (!err && programs->_memcalls)
		err = ring_add(&rings, programs->_memcalls->maps.records, fn, ctx);
	if (err) {
		ring_buffer__free(rings);
		return err;
	}
	*ret = rings;
	return NULL;
}

struct err *programs_read_meter(const struct programs *programs, struct abi_meter *ret)
{
	*ret = (struct abi_meter){ 0 };
	if (!programs->_maps)
		return NULL;
	return counters_read(programs->_maps->maps.meters, ret, sizeof(*ret),
			     "reading the BPF counters");
}

struct err *programs_read_memsums(const struct programs *programs,
				  struct trace_memsum ret[ABI_MEM_ROWS], size_t *cnt_ret)
{
	struct abi_mem_key key;
	struct abi_mem_sum sum;
	void *previous = NULL;
	size_t cnt = 0;

	if (!programs->_memcalls)
		return NULL;

	int fd = bpf_map__fd(programs->_memcalls->maps.sums);
	while (cnt < ABI_MEM_ROWS && !bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &sum))
			return err_os(errno, "reading the sums of the memory calls");
		ret[cnt++] = (struct trace_memsum){
			.call = key.call,
			.detail = key.detail,
			.error = key.error,
			.calls = sum.calls,
			.bytes = sum.bytes,
			.ns = sum.ns,
		};
	}
	*cnt_ret = cnt;
	return NULL;
}
