/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result.h - a finished result: what one observation of a process found, as plain data.
 *
 * Everything that a renderer shows is here, already decided: ranked, grouped, resolved to
 * functions and lines, with the words of each finding. Nothing in it leads back to the
 * target or to the subsystems that looked at it, so it can be shown after the process is
 * gone, several times, or after it was read from a file (report/json_read.h). All of it,
 * strings included, is owned by the result: free with result_free().
 *
 * Text of the target's (names of types, functions, files) is as the target has it; who
 * prints it has to make it harmless.
 */
#ifndef MAPTRACE_MODEL_RESULT_H
#define MAPTRACE_MODEL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "model/result_activity.h"
#include "model/result_maps.h"
#include "model/result_memory.h"
#include "model/result_trace.h"
#include "model/result_words.h"

/* Where the report was made. */
struct result_host {
	const char *name; /* NULL, as the next one: cannot be read */
	const char *boot_id;
};

struct result_target {
	uint64_t pid;
	const char *command;
	const char *command_line;
	const char *executable;
	bool executable_deleted;
	bool runtime_in_shared_library; /* a library in a C program */
	POOL_LIST(const char *) plugins; /* paths */
	POOL_LIST(const char *) other_go_images; /* files with runtimes of their own */
	uint64_t start_time_unix_s;
	uint64_t uptime_ns;
	const char *go_version;
	const char *go_experiments;
	const char *main_package;
	const char *map_kind; /* "classic" or "swiss" */
	const char *layout;
	const char *layout_source; /* "table", "nearest" or "dwarf" */
	bool layout_is_of_this_version;
	bool stripped;
	bool has_dwarf;
	uint64_t rss_bytes; /* from /proc/PID/status, at the start */
	uint64_t swap_bytes;
	uint64_t cgroup_limit_bytes; /* 0: none */
	struct opt_u64 cgroup_left_bytes; /* at the end */
	const char *container_id; /* from the cgroup's path; NULL: not in a container */
	const char *pod_uid; /* the same, of Kubernetes */
	bool other_pid_namespace;
	bool other_mount_namespace;
	const char *stopped_by; /* "signal", "tracer" or "cgroup"; NULL: it runs */
	const char *gone; /* why it went away; NULL: it is there */
};

struct result_doubt {
	enum doubt_code code;
	const char *text; /* one or more sentences */
};

struct result_totals {
	uint64_t maps;
	uint64_t exact;
	uint64_t moving;
	uint64_t suspect; /* in no sum */
	uint64_t garbage; /* in no sum */
	uint64_t on_stack;
	uint64_t unknown_bucket_size;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	uint64_t hole_bytes;
	uint64_t old_bytes;
	uint64_t gives_back_bytes;
	uint64_t gives_back_resident_bytes;
};

struct result_census_taken {
	uint64_t duration_ns;
	uint64_t censuses; /* taken; this is the last one */
	uint64_t lookalikes_rejected;
	uint64_t headers_without_table;
	struct {
		const char *status; /* "ok" or "refused" */
		const char *reason;
		uint64_t goroutines;
	} stacks; /* the search for maps on goroutine stacks */
	struct result_made_types {
		uint64_t count;
		bool complete;
	} * made_types; /* by reflect; NULL: the program cannot make any */
	struct result_totals totals;
};

struct result_census {
	const char *status; /* "ok" or "refused" */
	const char *reason;
	struct result_census_taken *taken; /* NULL: refused */
};

/* Maps without a count of their zero values, and why. */
struct result_not_counted {
	const char *reason;
	uint64_t maps;
};

struct result_values_counted {
	uint64_t duration_ns;
	uint64_t budget_bytes;
	uint64_t bytes; /* read */
	uint64_t maps_counted;
	uint64_t maps_sampled;
	POOL_LIST(struct result_not_counted) not_counted;
};

struct result_values {
	const char *status; /* "ok" or "off" */
	const char *reason;
	struct result_values_counted *counted; /* NULL: off */
};

/* Zero values in the maps of a group. */
struct result_group_zeroes {
	uint64_t maps; /* that were counted in */
	uint64_t live_keys;
	uint64_t count;
	uint64_t low;
	uint64_t high;
	bool sampled;
};

/* A row of the ranking: one large map, or all small maps of one type. Most to give back
 * first; maps that are in no sum are in no group. */
struct result_group {
	uint64_t rank; /* from 1 on */
	const char *label; /* the type for people, or what is known instead */
	const char *type; /* NULL: unknown, or several fit */
	const char *type_source;
	uint64_t type_candidates;
	uint64_t maps;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	struct opt_u64 gives_back_resident_bytes; /* unknown with the bucket size */
	bool moving; /* a map of it was busy while it was read */
	uint64_t largest_map; /* address */
	uint64_t largest_table_bytes;
	struct result_group_zeroes *zeroes; /* NULL: not counted */
};

/* A growth of a large map that comes soon, at the present rate. */
struct result_coming_growth {
	uint64_t map; /* address */
	const char *label;
	struct result_growth growth;
};

struct result_finding {
	enum finding_kind kind;
	uint64_t bytes; /* resident, that acting on it gives back; findings add up */
	uint64_t map; /* the one with most to give back; 0: none */
	const char *type; /* of that map */
	/* Of maps, NULL for others; sums. */
	struct result_finding_maps {
		uint64_t maps;
		uint64_t live_keys;
		uint64_t slots;
		uint64_t resident_bytes;
	} * maps;
	/* Of FINDING_ZERO_VALUES, NULL for others. */
	struct result_finding_zeroes {
		uint64_t zero_values;
		bool sampled;
		uint64_t bytes_with_rebuild; /* bytes, and what a rebuild with all keys gives */
	} * zeroes;
	const char *headline; /* what is wrong, one sentence */
	const char *remedy; /* what to do, and what comes back */
	const char *measured; /* how the bytes are known */
};

struct result_verdict {
	uint64_t min_waste_bytes; /* findings are at least this large */
	bool judged; /* false: without a census there is nothing to judge */
	POOL_LIST(const char *) besides; /* what is no finding, but large */
};

/* What the probes cost the target, and what they were allowed to. */
struct result_receipt {
	double hits_ns; /* all hits times their price */
	double price_ns; /* of one hit, on average */
	uint64_t page_faults; /* that took longer */
	double page_faults_ns;
	double page_fault_price_ns;
	double other_page_fault_price_ns; /* of other processes, meanwhile */
	uint64_t run_ns;
	double share_of_core;
	double max_overhead; /* the budget, a share of one core */
	double budget_ns;
	bool budget_held;
	uint64_t attach_calls;
	uint64_t attach_ns;
	uint64_t detach_calls;
	uint64_t detach_ns;
	struct {
		uint64_t ring_full;
		uint64_t bad_record;
		uint64_t header_unreadable;
		uint64_t caller_unreadable;
	} lost;
};

struct result_cost {
	uint64_t probe_hits; /* each cost the target a trap */
	uint64_t attached_ns;
	uint64_t records_lost;
	struct result_receipt *receipt; /* NULL: not traced */
	uint64_t cpu_ns; /* maptrace's own, as are the next ones */
	uint64_t peak_rss_bytes;
	uint64_t bytes_read; /* of the target's memory */
	uint64_t read_calls;
};

struct result {
	struct pool pool; /* everything below, but the maps */
	const char *schema; /* RESULT_SCHEMA, or that of the file it was read from */
	const char *maptrace; /* version of the tool that looked */
	uint64_t unix_time_ns; /* when the result was made */
	struct result_host host;
	struct result_target target;
	POOL_LIST(struct result_doubt) doubts;
	struct result_ledger *memory; /* NULL, as the next ones: no census */
	struct result_fragmentation *fragmentation;
	struct result_reclaim *reclaim;
	struct result_heap *heap;
	struct result_census census;
	struct result_values values;
	POOL_LIST(struct result_finding) findings; /* largest first */
	struct result_verdict verdict;
	struct result_trace trace;
	struct result_gc gc;
	struct result_memcalls memory_calls;
	struct result_cost cost;
	POOL_LIST(struct result_group) groups;
	POOL_LIST(struct result_coming_growth) next_growths; /* soonest first */
	struct result_maps *maps; /* never NULL */
};

#define RESULT_SCHEMA "maptrace.report/2"

/* This host, as far as it can be told; strings are in the pool. */
struct result_host result_host_of(struct pool *pool);

/* A result of now and of this host and version, without anything else and without maps;
 * NULL: out of memory. */
struct result *result_new(void);
void result_free(struct result *r);
DEFINE_CLEANUP_PTR(struct result *, result_free, cleanup_result)
#define _cleanup_result_ _cleanup_(cleanup_result)

#endif
