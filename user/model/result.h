/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result.h - a finished result: what one observation of a process found, as plain data.
 *
 * Everything that a renderer shows is here, and all decisions are made: maps are ranked and
 * grouped, addresses are resolved to functions and lines, and each finding has its sentences.
 * Nothing in it points to the target or to the subsystems that looked at it. So it can be
 * shown several times, after the process is gone, or after it was read from a file
 * (report/json_read.h). The result owns all of it, strings included: free with result_free().
 *
 * Units are bytes and nanoseconds, unless a name or a comment says otherwise. A `status` says
 * whether a part is there; if it is not, `reason` says why, else `reason` is NULL. Parts that
 * need a census or a trace are pointers, NULL without it.
 *
 * Names of types, functions and files come from the target unchanged. They may contain control
 * characters: the code that prints them has to escape these.
 */
#ifndef MAPTRACE_MODEL_RESULT_H
#define MAPTRACE_MODEL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "model/result_activity.h"
#include "model/result_goroutines.h"
#include "model/result_growing.h"
#include "model/result_holder.h"
#include "model/result_maps.h"
#include "model/result_memory.h"
#include "model/result_objects.h"
#include "model/result_since.h"
#include "model/result_sync.h"
#include "model/result_trace.h"
#include "model/result_words.h"

/* Where the report was made. */
struct result_host {
	const char *name; /* NULL: cannot be read */
	const char *boot_id; /* NULL: cannot be read */
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
	const char *layout; /* the Go version whose layout of structs is used */
	const char *layout_source; /* "table", "nearest" (a similar version) or "dwarf" */
	bool layout_is_of_this_version; /* false for "nearest" */
	bool stripped;
	bool has_dwarf;
	uint64_t rss_bytes; /* from /proc/PID/status, at the start */
	uint64_t swap_bytes;
	uint64_t cgroup_limit_bytes; /* 0: none */
	struct opt_u64 cgroup_left_bytes; /* up to its limit, at the end; unknown: no limit */
	const char *container_id; /* from the cgroup's path; NULL: not in a container */
	const char *pod_uid; /* of Kubernetes, from the cgroup's path; NULL: not in a pod */
	bool other_pid_namespace; /* than maptrace's; the same for the next one */
	bool other_mount_namespace;
	const char *stopped_by; /* "signal", "tracer" or "cgroup"; NULL: it runs */
	const char *gone; /* why it went away; NULL: it is still there */
};

/* A doubt is a reason why the rest of the result may be incomplete or wrong. */
struct result_doubt {
	enum doubt_code code;
	const char *text; /* one or more sentences */
};

/* Numbers of maps, and sums over all maps that are neither suspect nor garbage. */
struct result_totals {
	uint64_t maps;
	uint64_t exact;
	uint64_t moving; /* the program changed them while they were read */
	uint64_t suspect; /* they contradict themselves; not in the sums below */
	uint64_t garbage; /* unreachable, but not freed yet; not in the sums below */
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
	uint64_t censuses; /* how many were taken; this is the last one */
	uint64_t lookalikes_rejected; /* objects that look like a map's header at first */
	uint64_t headers_without_table; /* empty maps that have not allocated anything yet */
	struct {
		const char *status; /* "ok" or "refused" */
		const char *reason;
		uint64_t goroutines;
	} stacks; /* the search for maps on goroutine stacks */
	struct result_made_types {
		uint64_t count;
		bool complete;
	} * made_types; /* types that reflect made; NULL: the program cannot make any */
	struct result_totals totals;
};

struct result_census {
	const char *status; /* "ok" or "refused" */
	const char *reason;
	struct result_census_taken *taken; /* NULL: refused */
};

/* How many maps have no count of their zero values for the same reason. */
struct result_not_counted {
	const char *reason;
	uint64_t maps;
};

struct result_values_counted {
	uint64_t duration_ns;
	uint64_t budget_bytes; /* --scan-values: read at most this much */
	uint64_t bytes; /* that were read */
	uint64_t maps_counted;
	uint64_t maps_sampled;
	POOL_LIST(struct result_not_counted) not_counted;
};

struct result_values {
	const char *status; /* "ok" or "off" */
	const char *reason;
	struct result_values_counted *counted; /* NULL: off */
};

/* Zero values in the maps of a group: sums over the maps whose values were counted. */
struct result_group_zeroes {
	uint64_t maps; /* whose values were counted */
	uint64_t live_keys;
	uint64_t count; /* entries whose value is zero */
	uint64_t low; /* sums of the bounds of the maps' 95 % intervals */
	uint64_t high;
	bool sampled; /* at least one map was sampled: count is an estimate */
};

/* A holder of some maps of a group. */
struct result_group_share {
	const struct result_holder *holder; /* never NULL */
	uint64_t maps;
};

/* A row of the ranking: one large map, or all small maps of one type (see ranking.h). Groups
 * are sorted by what they give back, most first. Garbage and suspect maps are in no group. */
struct result_group {
	uint64_t rank; /* from 1 on */
	const char *id; /* of its one map, or of the type of several; NULL: not known */
	const char
		*label; /* short name of the type, or what is known instead; see result_label() */
	const char *type; /* full name; NULL: unknown, or several fit */
	const char *type_source;
	uint64_t type_candidates;
	uint64_t maps;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	struct opt_u64 gives_back_resident_bytes; /* unknown if the bucket size is */
	struct opt_u64 retained_bytes; /* of all its maps together; see result_retained.h */
	bool moving; /* the program changed one of the maps while it was read */
	uint64_t largest_map; /* address of its header */
	uint64_t largest_table_bytes;
	struct result_group_zeroes *zeroes; /* NULL: not counted */
	const struct result_holder *holder; /* of all its maps; NULL: several, or not known */
	uint64_t holders; /* different ones that its maps have, as far as they are known */
	uint64_t maps_held; /* maps with a known holder */
	POOL_LIST(struct result_group_share) held_by; /* up to three, that of most maps first */
};

/* A coming growth: at its present rate of inserts a large map will grow within a day. */
struct result_coming_growth {
	uint64_t map; /* address of the header */
	const char *label;
	struct result_growth growth;
};

struct result_finding {
	enum finding_kind kind;
	enum finding_severity severity;
	uint64_t bytes; /* resident bytes that it is about; 0: it is not about an amount of them */
	struct opt_u64 gives_back_bytes; /* part of them that the remedy brings back */
	enum finding_certainty certainty; /* of gives_back_bytes; SURE_UNKNOWN without them */
	uint64_t map; /* address of the map with most to give back; 0: it is not about maps */
	const char *type; /* of that map; NULL: unknown */
	const struct result_holder *holder; /* of that map; NULL: not known */
	const struct result_caller *caller; /* who does it; NULL: not known, or nobody */
	/* Sums over the maps; NULL: it is not about maps. */
	struct result_finding_maps {
		uint64_t maps;
		uint64_t live_keys;
		uint64_t slots;
		uint64_t resident_bytes;
	} * maps;
	/* For FINDING_ZERO_VALUES; NULL for others. */
	struct result_finding_zeroes {
		uint64_t zero_values;
		bool sampled; /* zero_values is an estimate */
		uint64_t bytes_with_rebuild; /* bytes, plus what a rebuild with all keys gives */
	} * zeroes;
	const char *headline; /* one sentence that says what is wrong */
	const char *evidence; /* one or two sentences that say how one can see it; may be NULL */
	const char *remedy; /* what to do, and how many bytes come back */
	const char *measured; /* how the number of bytes is known */
};

struct result_verdict {
	enum verdict_state state;
	const char *text; /* one or two sentences: the state, and why */
	uint64_t min_waste_bytes; /* findings of waste are at least this large */
	uint64_t
		share_of_bytes; /* a share, such as --min-waste 10%, is one of this: RSS or limit */
	bool judged; /* false: there is no census, so nothing could be found */
	POOL_LIST(const char *) besides; /* sentences about large things that are not findings */
};

/* The receipt says what the probes cost the target, and what they were allowed to cost. */
struct result_receipt {
	double hits_ns; /* all hits times their prices */
	double price_ns; /* of one hit, on average */
	uint64_t page_faults; /* of the target, while they were looked at */
	double page_faults_ns; /* page_faults times their price */
	double page_fault_price_ns; /* how much longer one of them took; 0: there were none */
	double other_page_fault_price_ns; /* the same for a fault of any other process */
	uint64_t run_ns; /* duration of the trace */
	double share_of_core; /* hits_ns and page_faults_ns, divided by run_ns */
	double max_overhead; /* the budget as a share of one core */
	double budget_ns; /* the budget in CPU time */
	bool budget_held; /* hits_ns and page_faults_ns are within budget_ns */
	uint64_t attach_calls;
	uint64_t attach_ns;
	uint64_t detach_calls;
	uint64_t detach_ns;
	struct {
		uint64_t ring_full; /* records for which the ring had no room */
		uint64_t bad_record; /* records that could not be decoded */
		uint64_t header_unreadable; /* hits recorded without the map's header */
		uint64_t caller_unreadable; /* hits recorded without their caller */
	} lost;
};

struct result_cost {
	uint64_t probe_hits; /* each cost the target a trap into the kernel */
	uint64_t attached_ns; /* of the probes that were attached longest */
	uint64_t records_lost; /* lost.ring_full plus lost.bad_record */
	struct result_receipt *receipt; /* NULL: not traced */
	/* The next four are maptrace's own cost, with that of its children. */
	uint64_t cpu_ns;
	uint64_t peak_rss_bytes;
	uint64_t bytes_read; /* from the target's memory */
	uint64_t read_calls; /* system calls that it took */
	/* Calls that held the lock of the target's address space, so that its mmap and munmap had to
	 * wait; each with its own wait for the lock. */
	uint64_t mmap_lock_calls;
	uint64_t mmap_lock_ns_max;
	uint64_t mmap_lock_ns_total;
};

struct result {
	struct pool pool; /* owns everything below except the maps */
	const char *schema; /* RESULT_SCHEMA, or the schema of the file it was read from */
	const char *maptrace; /* version of the maptrace that observed the process */
	uint64_t unix_time_ns; /* when the result was made */
	struct result_host host;
	struct result_target target;
	POOL_LIST(struct result_doubt) doubts;
	struct result_ledger *memory; /* NULL: no census; the same for the next three */
	struct result_fragmentation *fragmentation;
	struct result_reclaim *reclaim;
	struct result_heap *heap;
	struct result_census census;
	struct result_graph graph;
	struct result_goroutines goroutines;
	struct result_values values;
	POOL_LIST(struct result_finding) findings; /* worst first, then largest first */
	struct result_verdict verdict;
	struct result_trace trace;
	struct result_gc gc;
	struct result_memcalls memory_calls;
	struct result_cost cost;
	POOL_LIST(struct result_group) groups;
	POOL_LIST(struct result_growing) growing; /* most keys per second first */
	POOL_LIST(struct result_coming_growth) next_growths; /* soonest first */
	const struct result_since *since; /* NULL: no earlier report was given */
	struct result_objects_total *objects_total; /* NULL: not looked at */
	POOL_LIST(struct result_object_group) objects; /* largest first */
	uint64_t sync_maps_total; /* `sync_maps` has at most the 1,000 largest */
	POOL_LIST(struct result_sync_map) sync_maps; /* largest first */
	struct result_maps *maps; /* never NULL */
};

#define RESULT_SCHEMA "maptrace.report/2"

/* Makes a result that has only the schema, version, time and host; `maps` is NULL, and the caller
 * has to set it. NULL: out of memory. Free with result_free(). */
struct result *result_new(void);
void result_free(struct result *r);
DEFINE_CLEANUP_PTR(struct result *, result_free, cleanup_result)
#define _cleanup_result_ _cleanup_(cleanup_result)

#endif
