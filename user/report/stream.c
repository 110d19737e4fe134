// SPDX-License-Identifier: GPL-2.0-only
#include "report/stream.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/json_object.h"
#include "report/json_shapes.h"

/* How long a reader may take before lines are dropped. */
enum { READER_WAIT_MS = 100 };

/* ---- writing ---- */

/* Room for a line of PIPE_BUF bytes, which a pipe then takes without waiting. */
static bool reader_is_ready(struct event_stream *s)
{
	struct pollfd out = { .fd = s->fd, .events = POLLOUT };
	int ready = poll(&out, 1, s->stalled ? 0 : READER_WAIT_MS);

	if (ready > 0 && (out.revents & POLLERR))
		s->closed = true;
	s->stalled = ready <= 0;
	return ready > 0 && !s->closed;
}

static struct err *stream_write(struct event_stream *s, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(s->fd, data, len);

		if (n < 0 && errno == EPIPE) {
			s->closed = true;
			return NULL;
		}
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return err_os(errno, "writing the events");
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
	return NULL;
}

/* Writes and releases an object; NULL: memory ran out when it was made. */
static struct err *stream_line(struct event_stream *s, json_t *o)
{
	_cleanup_free_ char *line = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

	json_decref(o);
	if (!line)
		return err_nomem();
	if (s->closed)
		return NULL;
	if (!reader_is_ready(s)) {
		s->dropped++;
		return NULL;
	}
	size_t len = strlen(line);
	line[len] = '\n'; /* in place of the end */
	s->lines++;
	return stream_write(s, line, len + 1);
}

/* A line of a kind with the members of a struct. */
static struct err *stream_object(struct event_stream *s, const char *kind,
				 const struct json_shape *shape, const void *from)
{
	json_t *o = json_object();

	if (o && !json_object_set_new(o, "kind", json_text(kind)) &&
	    json_object_add(o, shape, from))
		return stream_line(s, o);
	json_decref(o);
	return err_nomem();
}

static uint64_t stream_time_ns(const struct event_stream *s)
{
	return clock_ns() - s->start_ns;
}

static uint64_t stream_unix_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- the start ---- */

struct stream_start_line {
	const char *schema;
	const char *maptrace;
	uint64_t time_ns;
	uint64_t unix_ns;
	struct result_host host;
	uint64_t pid;
	const char *command;
	const char *go_version;
	const char *map_kind;
	const char *container_id;
	const char *pod_uid;
	const char *maps_missing;
	const char *memory_calls_missing;
	const char *gc_missing;
};

#define START_TEXT(name, text) JSON_TEXT(#name, stream_start_line, name, 0, text)

static const struct json_member stream_start_members[] = {
	START_TEXT(schema, "\"" STREAM_SCHEMA "\"."),
	START_TEXT(maptrace, "Version of maptrace."),
	JSON_U64("time_ns", stream_start_line, time_ns, "0: times count from here; nanoseconds."),
	JSON_U64("unix_time_ns", stream_start_line, unix_ns, "When that was; since 1970."),
	JSON_INNER("host", stream_start_line, host, result_host, "Where maptrace runs."),
	JSON_U64("pid", stream_start_line, pid, "The process that is watched."),
	START_TEXT(command, "Its name."),
	START_TEXT(go_version, "Go version that built it."),
	START_TEXT(map_kind, "\"classic\" or \"swiss\"."),
	START_TEXT(container_id, "Its container; null: it is in none."),
	START_TEXT(pod_uid, "Its Kubernetes pod; null: it is in none."),
	START_TEXT(maps_missing, "Why there are no events of maps, or not all; null: there are."),
	START_TEXT(memory_calls_missing, "Why there are no memory calls; null: there are."),
	START_TEXT(gc_missing, "Why there are no cycles of the collector; null: there are."),
};
static const struct json_shape stream_start_json =
	JSON_SHAPE(stream_start_line, "start", "The first line.", stream_start_members);

struct err *events_start(struct event_stream *s, const struct stream_start *start)
{
	const struct result_target *t = start->target;
	struct stream_start_line line = {
		.schema = STREAM_SCHEMA,
		.maptrace = start->maptrace,
		.unix_ns = stream_unix_ns(),
		.host = start->host,
		.pid = t->pid,
		.command = t->command,
		.go_version = t->go_version,
		.map_kind = t->map_kind,
		.container_id = t->container_id,
		.pod_uid = t->pod_uid,
		.maps_missing = start->maps_missing,
		.memory_calls_missing = start->memory_calls_missing,
		.gc_missing = start->gc_missing,
	};

	s->start_ns = clock_ns();
	s->cycles_told = start->gc_cycles;
	return stream_object(s, "start", &stream_start_json, &line);
}

/* ---- records ---- */

struct stream_map_line {
	struct result_map_event event;
	bool sampled;
};

static const struct json_member stream_map_members[] = {
	JSON_FLAT(stream_map_line, event, result_map_event),
	JSON_BOOL("sampled", stream_map_line, sampled,
		  "It was seen in a window; others like it may not have been."),
};
static const struct json_shape stream_map_json =
	JSON_SHAPE(stream_map_line, "map", "An operation on a map.", stream_map_members);

struct err *events_map(struct event_stream *s, const struct result_map_event *event, bool sampled)
{
	struct stream_map_line line = { *event, sampled };

	return stream_object(s, "map", &stream_map_json, &line);
}

struct err *events_memcall(struct event_stream *s, const struct result_memcall *call)
{
	return stream_object(s, "memory_call", &result_memcall_json, call);
}

/* ---- what was watched ---- */

#define WATCHED_U64(name, text) JSON_U64(#name, watched_window, name, text)

static const struct json_member stream_watched_members[] = {
	JSON_TEXT("probes", watched_window, probes, JSON_NEVER_NULL,
		  "\"rare\": clears, clones and growths; \"make\": makes with a size; \"hot\": "
		  "what has `sampled`."),
	JSON_TEXTS("operations", watched_window, operations, 0, "What was watched."),
	WATCHED_U64(from_ns, "Since when; nanoseconds, as time_ns of events."),
	WATCHED_U64(watched_ns, "For how long: all events of this time have their lines."),
	WATCHED_U64(not_watched_ns, "Before that they were not watched, for so long."),
	WATCHED_U64(stands_for_ns, "The window is a sample of a time that long."),
	WATCHED_U64(missed_hits, "Operations that are known to be missed, at the window's end."),
	JSON_BOOL("slowed_target", watched_window, slowed_target,
		  "The probes slowed the target down: there would have been more of everything."),
};
static const struct json_shape stream_watched_json =
	JSON_SHAPE(watched_window, "watched", "Some operations were watched for a while.",
		   stream_watched_members);

struct err *events_watched(struct event_stream *s, const struct watched_window *window)
{
	return stream_object(s, "watched", &stream_watched_json, window);
}

static const struct json_member watched_sum_members[] = {
	JSON_TEXT("probes", watched_sum, probes, JSON_NEVER_NULL, "As in lines of \"watched\"."),
	JSON_TEXT("operation", watched_sum, operation, JSON_NEVER_NULL, "What was watched."),
	JSON_U64("watched_ns", watched_sum, watched_ns, "For how long, in all."),
	JSON_U64("not_watched_ns", watched_sum, not_watched_ns, "The rest of the time."),
};
static const struct json_shape watched_sum_json = JSON_SHAPE(
	watched_sum, "watched_sum", "How long an operation was watched.", watched_sum_members);

/* ---- the collector ---- */

struct stream_cycle_line {
	uint64_t time_ns;
	uint64_t cycle;
	uint64_t pause_ns;
	uint64_t ended_unix_ns;
	const struct stream_gc *heap; /* NULL: of this cycle it is gone */
};

static const struct json_member stream_heap_members[] = {
	JSON_U64("heap_marked_bytes", stream_gc, heap_marked_bytes, "Found alive in it; bytes."),
	JSON_U64("heap_goal_bytes", stream_gc, heap_goal_bytes, "The next goal; bytes."),
	JSON_U64("scannable_bytes", stream_gc, scannable_bytes,
		 "Of the live heap: bytes that may hold pointers."),
};
static const struct json_shape stream_gc_json =
	JSON_SHAPE(stream_gc, "gc_heap", "The heap after the last cycle.", stream_heap_members);

static const struct json_member stream_cycle_members[] = {
	JSON_U64("time_ns", stream_cycle_line, time_ns, "When it was seen."),
	JSON_U64("cycle", stream_cycle_line, cycle, "Its number."),
	JSON_U64("pause_ns", stream_cycle_line, pause_ns, "Its pauses; nanoseconds."),
	JSON_U64("ended_unix_ns", stream_cycle_line, ended_unix_ns, "When it ended; since 1970."),
	JSON_FLAT_POINTER(stream_cycle_line, heap, stream_gc, 0),
};
static const struct json_shape stream_cycle_json =
	JSON_SHAPE(stream_cycle_line, "gc", "A cycle of the collector.", stream_cycle_members);

static struct err *tell_cycle(struct event_stream *s, const struct stream_gc *gc, uint64_t cycle)
{
	size_t at = (cycle - 1) % gc->ring_cnt;
	struct stream_cycle_line line = {
		.time_ns = stream_time_ns(s),
		.cycle = cycle,
		.pause_ns = gc->pause_ns[at],
		.ended_unix_ns = gc->pause_end_unix_ns[at],
		.heap = cycle == gc->cycles ? gc : NULL,
	};

	return stream_object(s, "gc", &stream_cycle_json, &line);
}

static struct err *tell_cycles(struct event_stream *s, const struct stream_gc *gc)
{
	struct err *err = NULL;

	if (!gc->ring_cnt)
		return NULL;
	if (gc->cycles > s->cycles_told + gc->ring_cnt)
		s->cycles_told = gc->cycles - gc->ring_cnt; /* the numbers show the gap */
	while (!err && s->cycles_told < gc->cycles)
		err = tell_cycle(s, gc, ++s->cycles_told);
	return err;
}

/* ---- halts ---- */

struct stream_halt_line {
	uint64_t time_ns;
	const char *stopped_by;
};

static const struct json_member stream_halt_members[] = {
	JSON_U64("time_ns", stream_halt_line, time_ns, "When it was seen."),
	JSON_TEXT("stopped_by", stream_halt_line, stopped_by, JSON_LEFT_OUT,
		  "By what: \"signal\", \"tracer\" or \"cgroup\"."),
};
static const struct json_shape stream_halt_json = JSON_SHAPE(
	stream_halt_line, "stopped", "The target gets no CPU, or does again.", stream_halt_members);

static bool is_same_halt(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Without these lines a stream of nothing looks like a target with nothing to do. */
static struct err *tell_halt(struct event_stream *s, const char *stopped_by)
{
	struct stream_halt_line line = { stream_time_ns(s), stopped_by };
	uint64_t dropped = s->dropped;

	if (is_same_halt(stopped_by, s->halt_told))
		return NULL;
	struct err *err =
		stream_object(s, stopped_by ? "stopped" : "resumed", &stream_halt_json, &line);
	if (!err && s->dropped == dropped)
		s->halt_told = stopped_by;
	return err;
}

/* ---- losses ---- */

struct stream_lost {
	struct stream_losses of;
	uint64_t lines;
};

static const struct json_member stream_lost_members[] = {
	JSON_U64("map_records", stream_lost, of.map_records, "Records of maps without room."),
	JSON_U64("map_hits", stream_lost, of.map_hits, "Hits beyond the quota."),
	JSON_U64("memory_calls", stream_lost, of.memory_calls, "Memory calls."),
	JSON_U64("lines", stream_lost, lines, "Lines that the reader had no room for."),
};
static const struct json_shape stream_lost_json =
	JSON_SHAPE(stream_lost, "losses", "What is missing.", stream_lost_members);

struct stream_lost_line {
	uint64_t time_ns;
	struct stream_lost lost;
};

static const struct json_member stream_lost_line_members[] = {
	JSON_U64("time_ns", stream_lost_line, time_ns, "When it was noticed."),
	JSON_FLAT(stream_lost_line, lost, stream_lost),
};
static const struct json_shape stream_lost_line_json =
	JSON_SHAPE(stream_lost_line, "lost", "What is missing since the last such line.",
		   stream_lost_line_members);

static struct err *tell_losses(struct event_stream *s, const struct stream_losses *now)
{
	const struct stream_losses *told = &s->lost_told;
	uint64_t dropped = s->dropped;
	struct stream_lost_line line = {
		.time_ns = stream_time_ns(s),
		.lost = { .of = { now->map_records - told->map_records,
				  now->map_hits - told->map_hits,
				  now->memory_calls - told->memory_calls },
			  .lines = dropped - s->dropped_told },
	};

	if (!line.lost.of.map_records && !line.lost.of.map_hits && !line.lost.of.memory_calls &&
	    !line.lost.lines)
		return NULL;
	struct err *err = stream_object(s, "lost", &stream_lost_line_json, &line);
	if (!err && s->dropped == dropped) {
		s->lost_told = *now;
		s->dropped_told = dropped;
	}
	return err;
}

struct err *events_tick(struct event_stream *s, const struct stream_state *now)
{
	struct pollfd out = { .fd = s->fd };
	struct err *err = tell_halt(s, now->stopped_by);

	if (!err)
		err = tell_cycles(s, &now->gc);
	if (!err)
		err = tell_losses(s, &now->lost);
	if (poll(&out, 1, 0) > 0 && (out.revents & POLLERR))
		s->closed = true;
	return err;
}

/* ---- the end ---- */

struct stream_end_line {
	uint64_t time_ns;
	const char *reason;
	uint64_t lines;
	struct stream_lost lost;
	POOL_LIST(struct watched_sum) watched;
};

static const struct json_member stream_end_members[] = {
	JSON_U64("time_ns", stream_end_line, time_ns, "When."),
	JSON_TEXT("reason", stream_end_line, reason, 0,
		  "\"duration\", \"interrupted\" or \"target_gone\"."),
	JSON_U64("lines", stream_end_line, lines, "All lines, with this one."),
	JSON_INNER("lost", stream_end_line, lost, stream_lost, "All that is missing."),
	JSON_LIST("watched", stream_end_line, watched, watched_sum, 0,
		  "How long each operation was watched."),
};
static const struct json_shape stream_end_json =
	JSON_SHAPE(stream_end_line, "end", "The last line.", stream_end_members);

struct err *events_end(struct event_stream *s, const struct stream_end *end)
{
	struct stream_end_line line = {
		.time_ns = stream_time_ns(s),
		.reason = end->reason,
		.lines = s->lines + 1,
		.lost = { end->lost, s->dropped },
		.watched = { (struct watched_sum *)end->watched, end->watched_cnt },
	};

	s->stalled = false; /* the last line is worth a wait */
	return stream_object(s, "end", &stream_end_json, &line);
}
