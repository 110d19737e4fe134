/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs.h - the BPF programs, loaded.
 *
 * Owns both skeletons; no other file includes them. One of the two sets of programs may be
 * missing, with the reason. Loading fails only when both are.
 */
#ifndef MAPTRACE_TRACE_PROGRAMS_H
#define MAPTRACE_TRACE_PROGRAMS_H

#include "trace/sites.h"
#include "trace/trace.h"

struct bpf_link;
struct bpf_program;
struct maps_bpf;
struct memcalls_bpf;
struct ring_buffer;

struct programs {
	/* Map functions. The pointers are NULL when maps_missing is set. */
	char *maps_missing;
	enum trace_attach mechanism; /* MULTI or PERF: what map_function is loaded for */
	const struct bpf_program *map_function;
	const struct bpf_program *priced_function; /* the same for calibrate() */
	struct abi_group *groups; /* [ABI_GROUP_CNT], shared with BPF */

	/* Memory calls. NULL when memcalls_missing is set. */
	char *memcalls_missing;
	enum trace_memcalls memcalls_by; /* FUNCTIONS or TRACEPOINTS */
	struct abi_mem_state *mem_state; /* shared with BPF */

	/* Page faults. NULL when refaults_missing is set. */
	const char *refaults_missing; /* static, or memcalls_missing */
	struct abi_fault_state *fault_state; /* shared with BPF */

	struct maps_bpf *_maps;
	struct memcalls_bpf *_memcalls;
	struct bpf_link *_faults;
};

/* Loads the programs. opts->quota decides the size of the rings, so it must be complete. Release
 * with programs_fini(). */
struct err *programs_load(const struct trace_opts *opts, const struct sites *sites,
			  struct programs *ret);
void programs_fini(struct programs *programs);

/* Memory calls are attached all together. Both do nothing when they are missing. */
struct err *programs_attach_memcalls(const struct programs *programs);
void programs_detach_memcalls(const struct programs *programs);

/*
 * The program on page faults. Memory calls work without it. Every process of the machine pays for
 * it, so it is attached only at times. Detaching twice is fine.
 */
struct err *programs_attach_faults(struct programs *programs);
void programs_detach_faults(struct programs *programs);

/* Reads ages and givers; *cnt_ret is the number of givers. */
struct err *programs_read_refaults(const struct programs *programs, uint64_t ages[ABI_AGE_BINS],
				   struct trace_giver givers[ABI_GIVERS], size_t *cnt_ret);

/* Opens one reader of all rings, which calls fn for each record. Free with ring_buffer__free(). */
typedef int (*programs_record_fn)(void *ctx, void *data, size_t sz);
struct err *programs_open_rings(const struct programs *programs, programs_record_fn fn, void *ctx,
				struct ring_buffer **ret);

/* The meter of the map programs, summed over the CPUs; all 0 when they are missing. */
struct err *programs_read_meter(const struct programs *programs, struct abi_meter *ret);

/* Reads the sums of the memory calls; at most ABI_MEM_ROWS. */
struct err *programs_read_memsums(const struct programs *programs,
				  struct trace_memsum ret[ABI_MEM_ROWS], size_t *cnt_ret);

#endif
