// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for people, from results made by hand. The whole text of the main ones is
 * here, so that each change of its words is seen.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "report/report.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))
/* A list of a result, of an array. */
#define LIST(a)                                                                                    \
	{                                                                                          \
		.data = (a), .len = CNT(a)                                                         \
	}
#define KNOWN(value)                                                                               \
	{                                                                                          \
		.v = (value), .known = true                                                        \
	}
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define MS(n) ((uint64_t)(n)*1000000)
#define SECONDS(n) MS(1000 * (n))

/* ---- a result with everything that there is ---- */

static struct result_doubt doubts[] = {
	{ DOUBT_TARGET_HALTED,
	  "The target was stopped by a signal for a while and got no CPU. It got "
	  "none for about 2.0 s of the time observed; rates are over all of "
	  "it." },
	{ DOUBT_EXE_DELETED, "Its file /opt/paygate/bin/paygate was deleted or replaced on disk." },
};

static struct result_ledger_row ledger_rows[] = {
	{ ROW_MAP_LIVE, MIB(4), REMEDY_NONE, 0 },
	{ ROW_MAP_HOLES, MIB(71), REMEDY_REBUILD_MAPS, MIB(66) },
	{ ROW_OTHER_HEAP, MIB(72), REMEDY_NONE, 0 },
	{ ROW_FREE_SLOTS, MIB(102), REMEDY_MOVE_OBJECTS, MIB(97) },
	{ ROW_FREE, MIB(24), REMEDY_FREE_OS_MEMORY, MIB(24) },
	{ ROW_RELEASED, MIB(3), REMEDY_NONE, 0 },
	{ ROW_HUGE_EXCESS, 0, REMEDY_NONE, 0 },
	{ ROW_STACKS, KIB(116), REMEDY_NONE, 0 },
	{ ROW_RUNTIME, KIB(8663), REMEDY_NONE, 0 },
	{ ROW_FILES, KIB(1690), REMEDY_NONE, 0 },
	{ ROW_ANON, KIB(20), REMEDY_NONE, 0 },
};

static struct result_ledger ledger = {
	.rss_bytes = MIB(285),
	.unexplained_bytes = -(int64_t)KIB(12),
	.source = "smaps",
	.coarse_because = "reading /proc/11813/pagemap: Permission denied",
	.missing = "the list of persistent chunks",
	.rows = LIST(ledger_rows),
};

static struct result_pinned_class pinned_classes[] = {
	{ 144, MIB(70), 15026, 9211, 0 },
	{ 24, MIB(26), 14903, 3389, 0.551 },
	{ 48, MIB(1), 1, 1, 0.004 },
	{ 32, MIB(1), 1, 1, 0 },
};

static struct result_cause causes[] = {
	{
		.cause = CAUSE_NOT_SCAVENGED,
		.bytes = MIB(24),
		.not_yet_bytes = KNOWN(MIB(14)),
		.never_bytes = KNOWN(MIB(10)),
		.not_yet_because = "the scavenger is at work: the heap is above its goal",
		.never_because = "the scavenger's goal is to keep so much for the next cycle",
	},
	{
		.cause = CAUSE_PINNED_BY_MAP,
		.bytes = MIB(66),
		.not_yet_bytes = KNOWN(0),
		.never_bytes = KNOWN(MIB(66)),
		.never_because = "maps never shrink",
	},
	{
		.cause = CAUSE_SPAN_PINNED,
		.bytes = MIB(97),
		.not_yet_bytes = KNOWN(0),
		.never_bytes = KNOWN(MIB(97)),
		.never_because = "until the last object in each span is freed (Go cannot compact)",
		.classes = LIST(pinned_classes),
	},
	{
		.cause = CAUSE_REFILLED,
		.bytes = KIB(900),
		.never_bytes = KNOWN(KIB(900)),
		.never_because = "Go takes it for returned, and won't return it again",
	},
	{ .cause = CAUSE_GRANULARITY },
};

static struct result_scavenger scavenger = { .pending_bytes = MIB(14) };

static struct result_reclaim reclaim = {
	.causes = LIST(causes),
	.scavenger = &scavenger,
	.returned_bytes = KNOWN(MIB(103)),
	.returned_bytes_per_s = MIB(10),
	.failed_calls = KNOWN(3),
	.failed_bytes = KNOWN(MIB(12)),
	.failed_error = EINVAL,
};

static struct result_census_taken census_taken = {
	.totals = {
		.maps = 20010,
		.moving = 1,
		.suspect = 3,
		.garbage = 2,
		.on_stack = 1,
		.unknown_bucket_size = 1,
		.table_bytes = MIB(75),
		.resident_bytes = MIB(74),
	},
};

static struct result_not_counted not_counted[] = {
	{ "type unknown", 5 },
	{ "over the budget", 1 },
};

static struct result_values_counted values_counted = { .not_counted = LIST(not_counted) };

static struct result_group_zeroes zeroes_of_one = {
	.maps = 1,
	.live_keys = 12041,
	.count = 9000,
	.low = 8800,
	.high = 9200,
	.sampled = true,
};

static struct result_group_zeroes zeroes_of_many = { .maps = 493, .live_keys = 600, .count = 1 };

static const struct result_holder by_field = {
	.text = "*example.com/pay/gateway/v2.Store.sessions",
	.kind = HELD_BY_FIELD,
	.certain = true,
	.candidates = 1,
};
static const struct result_holder by_map = {
	.text = "map[string]map[example.com/pay/unit.Currency]map[string]unit.Amount[*]",
	.kind = HELD_BY_MAP,
	.candidates = 3,
};
static const struct result_holder by_variable = {
	.text = "example.com/pay/unit.<var> used by ParseAmount, example.com/pay/fees.Table.Lookup",
	.kind = HELD_BY_VARIABLE,
	.candidates = 1,
};

static struct result_group_share by_one[] = { { &by_field, 1 } };
static struct result_group_share by_guess[] = { { &by_map, 1 } };
static struct result_group_share by_many[] = { { &by_variable, 390 }, { &by_field, 1 } };

static struct result_group groups[] = {
	{
		.rank = 1,
		.label = "map[string]*main.Session",
		.type = "map[string]*main.Session",
		.maps = 1,
		.live_keys = 12041,
		.slots = 2097152,
		.resident_bytes = MIB(53),
		.gives_back_resident_bytes = KNOWN(MIB(52)),
		.largest_map = 0xc000001000,
		.zeroes = &zeroes_of_one,
		.holder = &by_field,
		.holders = 1,
		.maps_held = 1,
		.held_by = LIST(by_one),
	},
	{
		.rank = 2,
		.label = "map of 24-byte slots (3 types fit)",
		.maps = 1,
		.live_keys = 1500,
		.slots = 524288,
		.resident_bytes = MIB(13),
		.gives_back_resident_bytes = KNOWN(MIB(13)),
		.moving = true,
		.largest_map = 0xc000002000,
		.holder = &by_map,
		.holders = 1,
		.maps_held = 1,
		.held_by = LIST(by_guess),
	},
	{
		.rank = 3,
		.label = "map[string]int64",
		.maps = 493,
		.live_keys = 600,
		.slots = 4000,
		.resident_bytes = KIB(900),
		.gives_back_resident_bytes = KNOWN(0),
		.largest_map = 0xc000003000,
		.zeroes = &zeroes_of_many,
		.holders = 12,
		.maps_held = 400,
		.held_by = LIST(by_many),
	},
	{
		.rank = 4,
		.label = "map of unknown slots (0 types fit)",
		.maps = 1,
		.live_keys = 3,
		.slots = 8,
		.resident_bytes = 200,
		.largest_map = 0xc000004000,
	},
	{ .rank = 5, .label = "map[int]bool", .maps = 1 },
};

static const struct result_history history = {
	.censuses = 18,
	.last_live_keys = 12041,
	.live_keys = { .min = 12000, .max = 14000, .ns = { [14] = SECONDS(10) } },
	.buckets = { .min = 131072, .max = 262144, .ns = { [18] = 1, [19] = SECONDS(10) } },
	.resident_bytes = { .min = MIB(26),
			    .max = MIB(53),
			    .ns = { [25] = MS(600), [26] = MS(400) } },
};

static struct result_frame open_session = { "main.(*Gateway).openSession", "/src/paygate/main.go",
					    79 };
static const struct result_caller from_open = { .function = "main.(*Gateway).openSession",
						.at = &open_session };
static const struct result_caller from_library = {
	.function = "example.com/pay/gateway/v2.(*Store[...]).Remember",
};
static const struct result_caller from_nowhere = { .pc = 0x401000 };
static struct result_op_changes all_new = { 500, 500 };

static struct result_busy busiest[] = {
	{
		.rank = 1,
		.label = "map[string]*main.Session",
		.map_cnt = 1,
		.activity.ops = {
			[MAP_OP_INSERT] = {
				.hits = 500,
				.per_s = 341,
				.per_s_low = 255,
				.per_s_high = 456,
				.changes = &all_new,
				.caller = &from_open,
				.caller_share = 1,
			},
			[MAP_OP_DELETE] = {
				.hits = 500,
				.per_s = 12345,
				.rough = true,
				.is_lower_bound = true,
				.per_s_low = 9000,
				.per_s_high = NAN,
				.caller = &from_library,
				.caller_share = 0.55,
			},
			[MAP_OP_GROW] = { .rough = true },
			[MAP_OP_CLONE] = { .hits = 1, .caller = &from_nowhere, .caller_share = 1 },
		},
	},
	{
		.label = "map[string]int64  on goroutine stacks",
		.map_cnt = 493,
		.activity.ops = {
			[MAP_OP_CLEAR] = {
				.hits = 2,
				.per_s = 0.2,
				.caller = &from_open,
				.caller_share = NAN,
			},
		},
	},
};

static struct result_traced traced = {
	.duration_ns = MS(10300),
	.target_stopped_ns = SECONDS(2),
	.target_stopped_by = "signal",
	.plugins_not_traced = true,
	.hot = { .status = "ok", .windows = 72, .out_of_budget = true },
	.rare = { .status = "refused", .reason = "perf_event_open: Operation not permitted" },
	.make = { .status = "ok", .out_of_budget = true },
	.lost_hits = 12,
	.growths = { .seen = 5, .for_churn = 3 },
	.busiest = LIST(busiest),
	.busiest_total = 13,
};

static struct result_coming_growth next_growths[] = {
	{
		.label = "map[string]*main.Session",
		.growth = {
			.event = "double",
			.at_live_keys = 7340032,
			.allocates_bytes = MIB(106),
			.step_bytes = MIB(106),
			.keys_per_s = 2100,
			.in_ns = KNOWN(SECONDS(245)),
			.fits_cgroup = 0,
		},
	},
	{
		.label = "map of 24-byte slots (3 types fit)",
		.growth = {
			.event = "split",
			.at_live_keys = 1,
			.allocates_bytes = MIB(1),
			.step_bytes = KIB(64),
			.needs_bytes = KIB(544),
			.keys_per_s = 0.5,
			.in_ns = KNOWN(SECONDS(7200)),
			.half_in_ns = KNOWN(SECONDS(7300)),
			.ends_in_ns = KNOWN(SECONDS(7500)),
			.fits_cgroup = -1,
		},
	},
};

static struct result_gc_watched gc_watched = {
	.cycles = 12,
	.forced_cycles = 1,
	.pause_total_ns = MS(4),
	.pause_max_ns = KNOWN(MS(1)),
	.cpu_share = 0.023,
};

static struct result_gc_read gc_read = {
	.heap_marked_bytes = MIB(145),
	.heap_goal_bytes = MIB(291),
	.scannable_bytes = MIB(62),
	.map_scannable_bytes = KNOWN(MIB(31)),
	.gogc_percent = KNOWN(100),
	.memory_limit_bytes = KNOWN(MIB(290)),
	.limit_binds = true,
	.last_gc_ago_ns = KNOWN(SECONDS(4)),
	.allocated_since_bytes = KNOWN(MIB(20)),
	.next_gc_in_ns = KNOWN(SECONDS(26)),
	.cpu_share = 0.034,
	.watched = &gc_watched,
};

static struct result_advice dontneed = { "MADV_DONTNEED", 4 };
static struct result_advice unnamed = { NULL, 99 };

static struct result_memsum memsums[] = {
	{ .call = "mmap", .protection = KNOWN(0), .calls = 1, .bytes = MIB(64) },
	{ .call = "mmap", .protection = KNOWN(3), .calls = 2, .bytes = MIB(4) },
	{ .call = "munmap", .calls = 1000, .bytes = 4096 },
	{ .call = "madvise", .advice = &dontneed, .calls = 50, .bytes = MIB(103) },
	{ .call = "madvise", .advice = &unnamed, .error = EINVAL, .calls = 3, .bytes = MIB(12) },
};

static struct result_given_back given_back[] = {
	{ MEM_REASON_BACKGROUND_SCAVENGER, MIB(77), 0.75 },
	{ MEM_REASON_PROGRAM, MIB(26), 0.25 },
};

static struct result_refaults_watched refaults = {
	.watched_ns = SECONDS(9),
	.pauses = 1,
	.faults = 6400,
	.watched_bytes = MIB(103),
	.not_watched_bytes = { .table_full = MIB(1), .call_too_long = MIB(2) },
	.half_within_ns = MS(20),
	.heap_swings = true,
};

static struct result_memcalls_traced memcalls_traced = {
	.mechanism = "tracepoint",
	.refaults = { .status = "ok", .watched = &refaults },
};

static struct result_finding findings[] = {
	{
		.kind = FINDING_MAP_HOLES,
		.severity = SEVERITY_WARN,
		.headline = "map[string]*main.Session keeps 53.0 MiB for 12,041 keys (2,097,152 "
			    "slots).",
		.holder = &by_field,
		.remedy = "Maps never shrink. Copy the live keys into a new map and drop the old "
			  "one: 52.0 MiB comes back.",
	},
	{
		.kind = FINDING_ZERO_VALUES,
		.severity = SEVERITY_CRITICAL,
		.evidence = "The values of 12 tables were read.",
		.headline = "map[string]*main.Session: about 9,000 of 12,041 values are zero.",
		.remedy = "m[k] = zero frees nothing. Call delete(m, k), then copy the rest into a "
			  "new map: 52.8 MiB comes back, 800 KiB more than by the copy alone.",
	},
	{
		.kind = FINDING_FREE_HEAP,
		.severity = SEVERITY_INFO,
		.headline = "Go keeps 24.0 MiB of free heap that the OS could have.",
		.remedy = "debug.FreeOSMemory() returns it now; a GOMEMLIMIT keeps it small.",
	},
};

static const char *besides[] = {
	"Besides, 97.0 MiB of free slots are in spans that a few live objects keep. Objects never "
	"move; new ones of their sizes go there first.",
};

static struct result_receipt receipt = {
	.price_ns = 1250,
	.page_faults = 6400,
	.page_fault_price_ns = 310,
	.other_page_fault_price_ns = 80,
	.share_of_core = 0.0005,
	.max_overhead = 0.01,
	.budget_held = true,
	.attach_calls = 74,
	.attach_ns = MS(775),
	.detach_calls = 74,
	.detach_ns = MS(3400),
};

static const struct result full = {
	.target = {
		.pid = 11813,
		.command = "paygate",
		.go_version = "go1.24.4",
		.map_kind = "swiss",
		.stripped = true,
		.uptime_ns = MS(1800),
		.swap_bytes = MIB(1),
		.cgroup_limit_bytes = MIB(300),
		.cgroup_left_bytes = KNOWN(MIB(15)),
	},
	.doubts = LIST(doubts),
	.memory = &ledger,
	.reclaim = &reclaim,
	.census = { .status = "ok", .taken = &census_taken },
	.values = { .status = "ok", .counted = &values_counted },
	.findings = LIST(findings),
	.verdict = {
		.state = STATE_WASTEFUL,
		.text = "WASTEFUL: 77.0 MiB (26 % of RSS) in 3 findings.",
		.min_waste_bytes = MIB(16),
		.judged = true,
		.besides = LIST(besides),
	},
	.trace = { .status = "ok", .traced = &traced },
	.gc = { .status = "ok", .read = &gc_read },
	.memory_calls = {
		.status = "ok",
		.traced = &memcalls_traced,
		.totals = LIST(memsums),
		.given_back_by = LIST(given_back),
	},
	.cost = {
		.probe_hits = 4052,
		.attached_ns = MS(10100),
		.receipt = &receipt,
		.cpu_ns = MS(805),
		.peak_rss_bytes = MIB(45),
		.bytes_read = MIB(218),
	},
	.groups = LIST(groups),
	.next_growths = LIST(next_growths),
};

/* ---- printing ---- */

/* The report of a result; it has one map, the first one of the groups. */
static char *report_of(const struct result *what, const struct report_opts *opts)
{
	static const struct result_map_type type;
	static const struct map_same same = { .type = &type };
	struct map_view map = { .addr = 0xc000001000, .same = &same, .history = &history };
	struct result r = *what;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	r.maps = result_maps_new();
	assert_non_null(r.maps);
	assert_true(result_maps_push(r.maps, &map));
	assert_null(report_text(&r, opts, out));
	fclose(out);
	result_maps_free(r.maps);
	return text;
}

static void assert_report(const struct result *r, const char *wanted)
{
	struct report_opts opts = { .top = 4, .columns = 80 };
	_cleanup_free_ char *text = report_of(r, &opts);

	assert_string_equal(text, wanted);
}

static void assert_has(const struct result *r, const char *part)
{
	struct report_opts opts = { .top = 4, .columns = 80 };
	_cleanup_free_ char *text = report_of(r, &opts);

	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void assert_has_not(const struct result *r, const char *part)
{
	struct report_opts opts = { .top = 4, .columns = 80 };
	_cleanup_free_ char *text = report_of(r, &opts);

	if (strstr(text, part))
		fail_msg("'%s' in:\n%s", part, text);
}

static size_t line_cnt(const char *text)
{
	size_t cnt = 0;

	for (; *text; text++)
		cnt += *text == '\n';
	return cnt;
}

/* A name that is longer than a line may be. */
static bool is_long_name(const char *line, size_t len)
{
	while (len && *line == ' ') {
		line++;
		len--;
	}
	return !memchr(line, ' ', len);
}

static void assert_width(const struct result *r, int columns, bool verbose)
{
	struct report_opts opts = { .top = 4, .columns = columns, .verbose = verbose };
	_cleanup_free_ char *text = report_of(r, &opts);

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (len > (size_t)columns && !is_long_name(line, len))
			fail_msg("%d columns: '%.*s'", columns, (int)len, line);
		if (len && line[len - 1] == ' ')
			fail_msg("trailing blank: '%.*s'", (int)len, line);
		line += len + 1;
	}
}

/* ---- what the results below are printed as ---- */

static const char full_text[] =
	"paygate  pid 11813  go1.24.4, swiss maps, stripped  up 1.8 s\n"
	"observed for 10.3 s; not paused by maptrace\n"
	"The target was stopped by a signal for a while and got no CPU. It got none for\n"
	"  about 2.0 s of the time observed; rates are over all of it.\n"
	"Its file /opt/paygate/bin/paygate was deleted or replaced on disk.\n"
	"\n"
	"RSS 285 MiB  (cgroup limit 300 MiB)  and 1.00 MiB in swap\n"
	"  map tables: live keys        4.00 MiB    1 %\n"
	"  map tables: holes            71.0 MiB   25 %  <- 66.0 MiB back by a rebuild\n"
	"  other heap objects           72.0 MiB   25 %\n"
	"  free slots in spans           102 MiB   36 %  <- 97.0 MiB back if reallocated\n"
	"  free, kept by Go             24.0 MiB    8 %  <- back with debug.FreeOSMemory\n"
	"  returned, but in memory      3.00 MiB    1 %\n"
	"  stacks and runtime spans      116 KiB    0 %\n"
	"  Go runtime metadata          8.46 MiB    3 %\n"
	"  program, files, shared       1.65 MiB    1 %\n"
	"  C and other anonymous        20.0 KiB    0 %\n"
	"  unexplained                 -12.0 KiB    0 %\n"
	"  it is not known which pages are resident: reading /proc/11813/pagemap:\n"
	"      Permission denied\n"
	"      all that Go uses or keeps is counted as resident\n"
	"  the list of persistent chunks cannot be read: memory of the runtime is counted\n"
	"      in the last rows\n"
	"\n"
	"NOT RETURNED  resident, but of no use to the program now\n"
	"  free pages (not_scavenged)   24.0 MiB\n"
	"     14.0 MiB of it comes back: the scavenger is at work: the heap is above its\n"
	"       goal\n"
	"     10.0 MiB of it stays: the scavenger's goal is to keep so much for the next\n"
	"       cycle\n"
	"  map holes (pinned_by_map)    66.0 MiB\n"
	"     stays: maps never shrink\n"
	"  free slots (span_pinned)     97.0 MiB\n"
	"     stays: until the last object in each span is freed (Go cannot compact)\n"
	"       70.0 MiB in 144 B slots: 15,026 objects in 9,211 spans\n"
	"       26.0 MiB in 24 B slots: 14,903 objects in 3,389 spans, 55 % map tables\n"
	"       1.00 MiB in 48 B slots: 1 object in 1 span\n"
	"  given back while observed: 103 MiB, 10.0 MiB/s\n"
	"  3 calls to give back 12.0 MiB failed: EINVAL\n"
	"\n"
	"MAPS  20,010 with 75.0 MiB of tables (74.0 MiB resident), most to gain first\n"
	"  # gives back  live keys       slots   load resident  type\n"
	"  1   52.0 MiB     12,041   2,097,152   0.6% 53.0 MiB  map[string]*main.Session\n"
	"     held by *gateway/v2.Store.sessions\n"
	"     about 9,000 of 12,041 values are zero (95 %: 8,800 to 9,200)\n"
	"     live keys 12,000 to 14,000, now 12,041; buckets 131,072 to 262,144\n"
	"     (18 censuses)\n"
	"  2   13.0 MiB      1,500     524,288   0.3% 13.0 MiB~ map of 24-byte slots\n"
	"     (3 types fit)\n"
	"     held by map[string]map[unit.Currency]map[string]unit.Amount[*]\n"
	"       (guessed, 1 of 3)\n"
	"  3        0 B        600       4,000  15.0%  900 KiB  map[string]int64\n"
	"     (493 maps)\n"
	"     held by unit.<var> used by ParseAmount, fees.Table.Lookup (guessed)\n"
	"       (390 maps)\n"
	"     held by *gateway/v2.Store.sessions (1 map)\n"
	"     and by 10 others (--json)\n"
	"     1 of 600 values is zero (493 maps)\n"
	"  4          ?          3           8  37.5%    200 B  map of unknown slots\n"
	"     (0 types fit)\n"
	"     and 1 more row (--top, --json)\n"
	"     ~ in use while it was read: figures are between those of two reads\n"
	"     3 maps with contradictions: left out of all sums (see --json)\n"
	"     1 map with the header on a goroutine stack\n"
	"     2 maps that nothing reaches any more: left out of all sums\n"
	"     zero values not counted in 5 maps: type unknown\n"
	"     zero values not counted in 1 map: over the budget\n"
	"     1 map of unknown slot size (?): no figures of holes or of a rebuild\n"
	"\n"
	"ACTIVITY  per second; inserts, deletes and makes estimated from 72 windows\n"
	"  clears and growths are not traced: perf_event_open: Operation not permitted\n"
	"  inserts, deletes, small makes: 72 windows, then the budget (--max-overhead)\n"
	"    was used up\n"
	"  makes with a size: none seen, because --max-overhead is too small\n"
	"  without plugins: their own map functions are not traced\n"
	" inserts deletes  clears growths   makes  map\n"
	"     341 >9.00 k       -       ?       -  #1  map[string]*main.Session\n"
	"      insert from main.(*Gateway).openSession main.go:79 (100 %),\n"
	"               255/s to 456/s, 100 % new keys\n"
	"      delete from gateway/v2.(*Store[...]).Remember (55 %), 9.00 k/s or more\n"
	"       clone from ? (100 %)\n"
	"       -       -    0.20       -       -  map[string]int64  on goroutine stacks\n"
	"          (493 maps)\n"
	"  and 3 more rows (--json)\n"
	"  > at least, as some were missed  ? none seen, but some may be missed\n"
	"    - none seen  x/s to y/s: 95 % interval\n"
	"  12 hits lost: there may be more of everything, also where there is a ?\n"
	"  growths for churn, not for new keys: 3 of 5\n"
	"\n"
	"NEXT GROWTH  at the present rate\n"
	"     4m05s  at 7,340,032 keys (+2.10 k/s) doubles  map[string]*main.Session\n"
	"            takes 106 MiB more until the old memory is collected\n"
	"            THE CGROUP HAS 15.0 MiB LEFT\n"
	"     2h00m  at about 1 key (+0.50/s) begins to split its tables\n"
	"            map of 24-byte slots (3 types fit)\n"
	"            64.0 KiB at a time; half of it after 2h01m, all of it (544 KiB more)\n"
	"            after 2h05m\n"
	"\n"
	"GC  live heap 145 MiB, next cycle at 291 MiB\n"
	"  GOGC=100, memory limit 290 MiB, which decides: GOGC has no effect\n"
	"  last cycle 4.0 s ago, 20.0 MiB allocated since; the next one in about 26.0 s;\n"
	"    3.4 % of all CPU time since the start\n"
	"  12 cycles while observed, 1 forced, 2.3 % of the CPU time\n"
	"  pauses: 4.00 ms in all, at most 1.00 ms in one cycle\n"
	"  map tables are 50 % of the 62.0 MiB that each cycle has to scan\n"
	"\n"
	"MEMORY CALLS\n"
	"  mmap     reserve                  1 call    64.0 MiB\n"
	"  mmap                             2 calls    4.00 MiB\n"
	"  munmap                       1,000 calls    4.00 KiB\n"
	"  madvise  MADV_DONTNEED          50 calls     103 MiB\n"
	"  madvise  advice 99               3 calls    12.0 MiB  FAILED: Invalid argument\n"
	"  given back by\n"
	"      75 %  Go's background scavenger\n"
	"      25 %  the program itself\n"
	"  page faults watched for 9.0 s, then the budget was used up\n"
	"  given back, but not watched for page faults: 3.00 MiB\n"
	"  touched again, of 103 MiB given back: 6,400 page faults, half within 20.0 ms\n"
	"    Go gives back what it needs again soon: the heap swings around its goal.\n"
	"    With a higher GOMEMLIMIT, Go would keep that memory.\n"
	"\n"
	"VERDICT\n"
	"  WASTEFUL: 77.0 MiB (26 % of RSS) in 3 findings.\n"
	"  1. map[string]*main.Session keeps 53.0 MiB for 12,041 keys (2,097,152 slots).\n"
	"     held by *gateway/v2.Store.sessions\n"
	"     Maps never shrink. Copy the live keys into a new map and drop the old one:\n"
	"     52.0 MiB comes back.\n"
	"  2. CRITICAL: map[string]*main.Session: about 9,000 of 12,041 values are zero.\n"
	"     The values of 12 tables were read.\n"
	"     m[k] = zero frees nothing. Call delete(m, k), then copy the rest into a new\n"
	"     map: 52.8 MiB comes back, 800 KiB more than by the copy alone.\n"
	"  3. for information: Go keeps 24.0 MiB of free heap that the OS could have.\n"
	"     debug.FreeOSMemory() returns it now; a GOMEMLIMIT keeps it small.\n"
	"  Besides, 97.0 MiB of free slots are in spans that a few live objects keep.\n"
	"  Objects never move; new ones of their sizes go there first.\n"
	"\n"
	"COST  target: 0.05 % of one core: 4,052 probe hits of 1.25 us each, no pause\n"
	"      and 6,400 page faults that took 0.31 us longer\n"
	"      budget 1 %: held; probes attached for 10.1 s\n"
	"      attaching: 74 calls in 775 ms; detaching: 74 calls in 3.4 s\n"
	"      maptrace: 805 ms CPU, 45.0 MiB memory, 218 MiB read, 0 records lost\n"
	"      machine: this kernel refuses fentry, so memory calls came from the syscall\n"
	"      tracepoints: all system calls took longer meanwhile\n"
	"      machine: page faults of all processes took 0.08 us longer meanwhile\n";

static const char nothing_text[] =
	"?  pid 0  ?, ? maps  up 0.00 ms\n"
	"snapshot only (--duration 0): no rates, no callers; the process was not paused\n"
	"\n"
	"RSS 0 B  (no cgroup limit)\n"
	"\n"
	"MAPS  cannot be read: ?\n"
	"\n"
	"VERDICT\n"
	"  none: without a census of the maps there is nothing to judge.\n"
	"\n"
	"COST  maptrace: 0.00 ms CPU, 0 B memory, 0 B read, 0 records lost\n";

static const char snapshot_text[] =
	"kv  pid 1  go1.19.13, classic maps  up 1d01h\n"
	"snapshot only (--duration 0): no rates, no callers; the process was not paused\n"
	"\n"
	"RSS 10.0 MiB  (no cgroup limit)\n"
	"\n"
	"MAPS  none\n"
	"\n"
	"GC  cannot be read: the runtime's counters contradict each other\n"
	"\n"
	"VERDICT\n"
	"  No waste of 16.0 MiB or more.\n"
	"\n"
	"COST  maptrace: 20.0 ms CPU, 0 B memory, 0 B read, 1 record lost\n";

static const char refused_text[] =
	"paygate  pid 11813  go1.24.4, swiss maps, stripped  up 1.8 s\n"
	"observed for 10.3 s; not paused by maptrace\n"
	"\n"
	"RSS 280 MiB  (cgroup limit 300 MiB)  and 1.00 MiB in swap\n"
	"\n"
	"MAPS  cannot be read: the spans of go1.24.4 fail 3 of 7 proofs\n"
	"\n"
	"ACTIVITY  per second; inserts, deletes and makes estimated from 72 windows\n"
	"  clears and growths are not traced: perf_event_open: Operation not permitted\n"
	"  inserts, deletes, small makes: 72 windows, then the budget (--max-overhead)\n"
	"    was used up\n"
	"  makes with a size: none seen, because --max-overhead is too small\n"
	"  without plugins: their own map functions are not traced\n"
	" inserts deletes  clears growths   makes  map\n"
	"     341 >9.00 k       -       ?       -  #1  map[string]*main.Session\n"
	"      insert from main.(*Gateway).openSession main.go:79 (100 %),\n"
	"               255/s to 456/s, 100 % new keys\n"
	"      delete from gateway/v2.(*Store[...]).Remember (55 %), 9.00 k/s or more\n"
	"       clone from ? (100 %)\n"
	"       -       -    0.20       -       -  map[string]int64  on goroutine stacks\n"
	"          (493 maps)\n"
	"  and 3 more rows (--json)\n"
	"  > at least, as some were missed  ? none seen, but some may be missed\n"
	"    - none seen  x/s to y/s: 95 % interval\n"
	"  12 hits lost: there may be more of everything, also where there is a ?\n"
	"  growths for churn, not for new keys: 3 of 5\n"
	"\n"
	"MEMORY CALLS  not traced: no tracepoints and no fentry\n"
	"\n"
	"VERDICT\n"
	"  none: without a census of the maps there is nothing to judge.\n"
	"\n"
	"COST  target: 0.05 % of one core: 4,052 probe hits of 1.25 us each, no pause\n"
	"      and 6,400 page faults that took 0.31 us longer\n"
	"      budget 1 %: held; probes attached for 10.1 s\n"
	"      attaching: 74 calls in 775 ms; detaching: 74 calls in 3.4 s\n"
	"      maptrace: 805 ms CPU, 45.0 MiB memory, 218 MiB read, 0 records lost\n";

static const char gone_text[] =
	"kv  pid 1  go1.19.13, classic maps  up 1d01h\n"
	"not traced (ACTIVITY has the reason); the process was not paused\n"
	"THE TARGET IS GONE: process 11813 exited. This is what was learnt until then.\n"
	"\n"
	"RSS 10.0 MiB  (no cgroup limit)\n"
	"\n"
	"MAPS  none\n"
	"\n"
	"ACTIVITY  not traced: process 11813 exited\n"
	"\n"
	"GC  cannot be read: the runtime's counters contradict each other\n"
	"\n"
	"VERDICT\n"
	"  No waste of 16.0 MiB or more.\n"
	"\n"
	"COST  maptrace: 20.0 ms CPU, 0 B memory, 0 B read, 1 record lost\n";

/* ---- the tests ---- */

static void everything_is_printed(void **state)
{
	(void)state;
	assert_report(&full, full_text);
}

static void nothing_is_printed(void **state)
{
	static const struct result nothing;

	(void)state;
	assert_report(&nothing, nothing_text);
}

static const struct result snapshot = {
	.target = {
		.pid = 1,
		.command = "kv",
		.go_version = "go1.19.13",
		.map_kind = "classic",
		.uptime_ns = SECONDS(90000),
	},
	.memory = &(struct result_ledger){ .rss_bytes = MIB(10) },
	.reclaim = &(struct result_reclaim){ 0 },
	.census = { .status = "ok", .taken = &(struct result_census_taken){ 0 } },
	.verdict = {
		.state = STATE_FINE,
		.text = "No waste of 16.0 MiB or more.",
		.min_waste_bytes = MIB(16),
		.judged = true,
	},
	.trace = { .status = "off", .reason = "--duration 0" },
	.gc = { .status = "refused", .reason = "the runtime's counters contradict each other" },
	.memory_calls = { .status = "off" },
	.cost = { .cpu_ns = MS(20), .records_lost = 1 },
};

static void a_snapshot_has_no_rates(void **state)
{
	(void)state;
	assert_report(&snapshot, snapshot_text);
}

static struct result refused(void)
{
	struct result r = {
		.target = full.target,
		.census = { .status = "refused",
			    .reason = "the spans of go1.24.4 fail 3 of 7 "
				      "proofs" },
		.trace = { .status = "ok", .traced = &traced },
		.gc = { .status = "refused", .reason = "no heap" },
		.memory_calls = { .status = "refused", .reason = "no tracepoints and no fentry" },
		.cost = full.cost,
	};

	r.target.rss_bytes = MIB(280);
	return r;
}

static void a_refused_census_says_why(void **state)
{
	struct result r = refused();

	(void)state;
	assert_report(&r, refused_text);
}

static struct result_doubt gone[] = {
	{ DOUBT_TARGET_GONE, "THE TARGET IS GONE: process 11813 exited. This is what was learnt "
			     "until then." },
};

static void a_target_that_is_gone_still_has_its_report(void **state)
{
	struct result r = snapshot;

	(void)state;
	r.target.gone = "process 11813 exited";
	r.doubts.data = gone;
	r.doubts.len = CNT(gone);
	r.trace.status = "refused";
	r.trace.reason = "process 11813 exited";
	assert_report(&r, gone_text);
}

static void signs_are_explained_where_they_are(void **state)
{
	struct result_busy plain[] = { { .label = "map[int]int", .map_cnt = 1 } };
	struct result_traced t = { .busiest = LIST(plain), .busiest_total = 1 };
	struct result r = snapshot;

	(void)state;
	r.trace = (struct result_trace){ .status = "ok", .traced = &t };
	for (size_t i = 0; i < MAP_OP_CNT; i++)
		plain[0].activity.ops[i] = (struct result_op){ .hits = 1, .per_s = 200 };
	assert_has(&r, "     200     200     200     200     200  map[int]int\n\nGC");
	plain[0].activity.ops[MAP_OP_GROW] = (struct result_op){ .rough = true };
	assert_has(&r, "     200     200     200       ?     200  map[int]int\n"
		       "  ? none seen, but some may be missed\n\nGC");
	plain[0].activity.ops[MAP_OP_GROW] = (struct result_op){ 0 };
	assert_has(&r, "     200     200     200       -     200  map[int]int\n"
		       "  - none seen\n\nGC");
	plain[0].activity.ops[MAP_OP_MAKE].rough = true;
	assert_has(&r, "     200     200     200       -    ~200  map[int]int\n"
		       "  ~ rough, as some were lost  - none seen\n\nGC");
}

/* Nobody can act on "0.00 us". */
static void page_faults_that_cost_nothing_are_not_mentioned(void **state)
{
	struct result_receipt cheap = receipt;
	struct result r = full;

	(void)state;
	r.cost.receipt = &cheap;
	assert_has(&r, "      and 6,400 page faults that took 0.31 us longer\n");
	assert_has(&r, "machine: page faults of all processes took 0.08 us longer meanwhile\n");
	cheap.page_fault_price_ns = cheap.other_page_fault_price_ns = 5;
	assert_has(&r, "took 0.01 us longer");
	cheap.page_fault_price_ns = cheap.other_page_fault_price_ns = 4.9;
	assert_has_not(&r, "us longer");
}

static void holders_are_missed_only_where_they_were_wanted(void **state)
{
	struct result r = full;

	(void)state;
	r.graph.status = "off";
	assert_has_not(&r, "what holds");
	r.graph.status = "partial";
	r.graph.reason = "the time was up";
	assert_has(&r, "     what holds some of the maps is not known: the time was up\n");
	r.graph.status = "refused";
	assert_has(&r, "     what holds the maps is not known: the time was up\n");
}

static void a_budget_is_held_or_not(void **state)
{
	struct result_receipt other = receipt;
	struct result r = full;

	(void)state;
	r.cost.receipt = &other;
	other.share_of_core = 0.02;
	assert_has(&r, "      budget 1 %: held (of the planned run, or of ten seconds);");
	other.budget_held = false;
	assert_has(&r, "      budget 1 %: EXCEEDED; probes attached for 10.1 s\n");
}

static void only_five_findings_are_printed(void **state)
{
	struct result_finding many[7];
	struct result r = full;

	(void)state;
	for (size_t i = 0; i < CNT(many); i++)
		many[i] = findings[2];
	r.findings.data = many;
	r.findings.len = CNT(many);
	assert_has(&r, "  5. for information: Go keeps 24.0 MiB");
	assert_has_not(&r, "  6. for information: Go keeps 24.0 MiB");
	assert_has(&r, "  and 2 more (--json)\n");
}

static void without_the_goals_of_the_scavenger_it_is_unclear(void **state)
{
	struct result_cause unclear[] = { {
		.cause = CAUSE_NOT_SCAVENGED,
		.bytes = MIB(24),
		.never_because = "the scavenger's goals are not known",
	} };
	struct result_reclaim rc = { .causes = LIST(unclear) };
	struct result r = full;

	(void)state;
	r.reclaim = &rc;
	assert_has(&r, "  free pages (not_scavenged)   24.0 MiB\n"
		       "     unclear: the scavenger's goals are not known\n");
}

/* A value that has no words would be printed as "(null)". */
static void every_value_has_words(void **state)
{
	struct result_cause all_causes[CAUSE_CNT];
	struct result_ledger_row all_rows[ROW_CNT];
	struct result_given_back all_reasons[MEM_REASON_CNT];
	struct result_reclaim rc = { .causes = LIST(all_causes) };
	struct result_ledger l = ledger;
	struct result r = full;

	(void)state;
	for (size_t i = 0; i < CAUSE_CNT; i++)
		all_causes[i] = (struct result_cause){ .cause = i, .bytes = MIB(1) };
	for (size_t i = 0; i < ROW_CNT; i++)
		all_rows[i] = (struct result_ledger_row){ i, MIB(2), i % REMEDY_CNT, MIB(1) };
	for (size_t i = 0; i < MEM_REASON_CNT; i++)
		all_reasons[i] = (struct result_given_back){ i, MIB(1), 0.1 };
	l.rows.data = all_rows;
	l.rows.len = ROW_CNT;
	r.memory = &l;
	r.reclaim = &rc;
	r.memory_calls.given_back_by.data = all_reasons;
	r.memory_calls.given_back_by.len = MEM_REASON_CNT;
	assert_has(&r, "  part pages (granularity)     1.00 MiB\n");
	assert_has_not(&r, "(null)");
	assert_has_not(&full, "(null)");
	assert_width(&r, 80, false);
}

static void verbose_has_histograms_and_small_causes(void **state)
{
	struct report_opts opts = { .top = 4, .columns = 80, .verbose = true };
	_cleanup_free_ char *text = report_of(&full, &opts);

	(void)state;
	assert_non_null(strstr(text, "     live keys        [8,192, 16,384) 100 %\n"
				     "     buckets          [131,072, 262,144) <1 %  [262,144, "
				     "524,288) 100 %\n"
				     "     resident bytes   [16,777,216, 33,554,432) 60 %\n"
				     "                      [33,554,432, 67,108,864) 40 %\n"));
	assert_non_null(strstr(text, "  touched again (refilled)      900 KiB\n"));
}

static void no_line_is_too_long(void **state)
{
	static const int widths[] = { 40, 60, 79, 80, 81, 132, 200 };
	struct result census_refused = refused();

	(void)state;
	for (size_t i = 0; i < CNT(widths); i++) {
		assert_width(&full, widths[i], false);
		assert_width(&full, widths[i], true);
		assert_width(&snapshot, widths[i], false);
		assert_width(&census_refused, widths[i], false);
	}
}

static void a_wide_terminal_takes_fewer_lines(void **state)
{
	struct report_opts opts = { .top = 4 };
	_cleanup_free_ char *by_default = report_of(&full, &opts);

	(void)state;
	opts.columns = 80;
	_cleanup_free_ char *at_80 = report_of(&full, &opts);
	opts.columns = 200;
	_cleanup_free_ char *at_200 = report_of(&full, &opts);
	assert_string_equal(by_default, at_80);
	assert_true(line_cnt(at_200) < line_cnt(at_80));
	assert_non_null(strstr(at_200, "  insert from main.(*Gateway).openSession main.go:79 "
				       "(100 %), 255/s to 456/s, 100 % new keys\n"));
}

/* A process names itself as it likes. */
static void names_cannot_move_the_cursor(void **state)
{
	struct result r = snapshot;

	(void)state;
	r.target.command = "bad\033[31mname\n";
	assert_has(&r, "bad?[31mname?  pid 1  go1.19.13, classic maps  up 1d01h\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_printed),
		cmocka_unit_test(nothing_is_printed),
		cmocka_unit_test(a_snapshot_has_no_rates),
		cmocka_unit_test(a_refused_census_says_why),
		cmocka_unit_test(a_target_that_is_gone_still_has_its_report),
		cmocka_unit_test(signs_are_explained_where_they_are),
		cmocka_unit_test(page_faults_that_cost_nothing_are_not_mentioned),
		cmocka_unit_test(holders_are_missed_only_where_they_were_wanted),
		cmocka_unit_test(a_budget_is_held_or_not),
		cmocka_unit_test(only_five_findings_are_printed),
		cmocka_unit_test(without_the_goals_of_the_scavenger_it_is_unclear),
		cmocka_unit_test(every_value_has_words),
		cmocka_unit_test(verbose_has_histograms_and_small_causes),
		cmocka_unit_test(no_line_is_too_long),
		cmocka_unit_test(a_wide_terminal_takes_fewer_lines),
		cmocka_unit_test(names_cannot_move_the_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
