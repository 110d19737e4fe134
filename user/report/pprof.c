// SPDX-License-Identifier: GPL-2.0-only
/*
 * A profile for `go tool pprof` and all that read its format: a message of protocol buffers,
 * packed by gzip. Its fields are those of profile.proto (github.com/google/pprof).
 */
#include "report/report.h"

#include <string.h>
#include <zlib.h>

#include "base/units.h"
#include "report/pprof_parts.h"
#include "report/protobuf.h"

/* Fields of profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRINGS = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_TYPE = 14,
	TYPE_NAME = 1,
	TYPE_UNIT = 2,
	SAMPLE_LOCATIONS = 1,
	SAMPLE_VALUES = 2,
	SAMPLE_LABEL = 3,
	LABEL_KEY = 1,
	LABEL_TEXT = 2,
	MAPPING_ID = 1,
	MAPPING_FILE = 5,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILES = 8,
	MAPPING_HAS_LINES = 9,
	MAPPING_HAS_INLINED = 10,
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	LINE_NUMBER = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_FILE = 4,
};

enum {
	GZIP_WINDOW = 15 + 16, /* the largest window, with the header of gzip */
	GZIP_MEMORY = 8,
	GZIP_CHUNK = 32 << 10,
};

static const struct {
	const char *name;
	const char *unit;
} pprof_types[PPROF_VALUES] = {
	[PPROF_LIVE] = { "map_live", "bytes" },	      [PPROF_HOLES] = { "map_hole", "bytes" },
	[PPROF_REBUILD] = { "map_rebuild", "bytes" }, [PPROF_MAPS] = { "maps", "count" },
	[PPROF_RETAINED] = { "retained", "bytes" },
};

/* ---- the messages ---- */

static void write_types(struct pprof *p, struct proto *out, struct proto *part)
{
	for (int i = 0; i < PPROF_VALUES; i++) {
		proto_number(part, TYPE_NAME, pprof_string(p, pprof_types[i].name));
		proto_number(part, TYPE_UNIT, pprof_string(p, pprof_types[i].unit));
		proto_message(out, PROFILE_SAMPLE_TYPE, part);
	}
	proto_number(out, PROFILE_DEFAULT_TYPE, pprof_string(p, pprof_types[PPROF_HOLES].name));
}

static void write_label(struct proto *part, uint64_t key, uint64_t text)
{
	struct proto label = { 0 };

	proto_number(&label, LABEL_KEY, key);
	proto_number(&label, LABEL_TEXT, text);
	proto_message(part, SAMPLE_LABEL, &label);
	proto_fini(&label);
}

/* Ids of locations and functions begin with 1. */
static void write_samples(struct pprof *p, struct proto *out, struct proto *part)
{
	uint64_t key = pprof_string(p, "id");

	for (size_t i = 0; i < p->sums.len; i++) {
		struct pprof_stack s;

		memcpy(&s, intern_get(&p->stacks, i), p->stacks.pieces.data[i].len);
		for (size_t at = 0; at < s.depth; at++)
			s.locations[at]++;
		proto_numbers(part, SAMPLE_LOCATIONS, s.locations, s.depth);
		proto_numbers(part, SAMPLE_VALUES, p->sums.data[i].v, PPROF_VALUES);
		if (s.identity)
			write_label(part, key, s.identity);
		proto_message(out, PROFILE_SAMPLE, part);
	}
}

/* One mapping, which says that all names are here already: then no reader looks for the file. */
static void write_mapping(struct pprof *p, struct proto *out, struct proto *part)
{
	proto_number(part, MAPPING_ID, 1);
	proto_number(part, MAPPING_FILE, pprof_string(p, p->r->target.executable));
	proto_number(part, MAPPING_HAS_FUNCTIONS, 1);
	proto_number(part, MAPPING_HAS_FILES, 1);
	proto_number(part, MAPPING_HAS_LINES, 1);
	proto_number(part, MAPPING_HAS_INLINED, 1);
	proto_message(out, PROFILE_MAPPING, part);
}

static void write_locations(struct pprof *p, struct proto *out, struct proto *part)
{
	struct proto line = { 0 };

	for (size_t i = 0; i < p->locations.pieces.len; i++) {
		struct pprof_location l;

		memcpy(&l, intern_get(&p->locations, i), sizeof(l));
		proto_number(&line, LINE_FUNCTION, l.function + 1);
		proto_number(&line, LINE_NUMBER, l.line);
		proto_number(part, LOCATION_ID, i + 1);
		proto_number(part, LOCATION_MAPPING, 1);
		proto_message(part, LOCATION_LINE, &line);
		proto_message(out, PROFILE_LOCATION, part);
	}
	proto_fini(&line);
}

static void write_functions(struct pprof *p, struct proto *out, struct proto *part)
{
	for (size_t i = 0; i < p->functions.pieces.len; i++) {
		struct pprof_function f;

		memcpy(&f, intern_get(&p->functions, i), sizeof(f));
		proto_number(part, FUNCTION_ID, i + 1);
		proto_number(part, FUNCTION_NAME, f.name);
		proto_number(part, FUNCTION_FILE, f.file);
		proto_message(out, PROFILE_FUNCTION, part);
	}
}

static void write_comments(struct pprof *p, struct proto *out)
{
	static const char retained[] = "retained: a map retains the maps that only it leads to, "
				       "so these bytes overlap; don't add them";
	uint64_t comments[3] = { pprof_string(p, p->r->verdict.text), pprof_string(p, retained) };
	char sizeless[160];
	size_t cnt = 2;

	if (p->sizeless) {
		snprintf(sizeless, sizeof(sizeless),
			 "%s counted without bytes, as the size of the buckets is not known",
			 text_counted(p->sizeless, "map").s);
		comments[cnt++] = pprof_string(p, sizeless);
	}
	proto_numbers(out, PROFILE_COMMENT, comments, cnt);
}

/* Last, when all strings are known. */
static void write_strings(struct pprof *p, struct proto *out)
{
	for (size_t i = 0; i < p->strings.pieces.len; i++)
		proto_bytes(out, PROFILE_STRINGS, intern_get(&p->strings, i),
			    p->strings.pieces.data[i].len);
}

static void write_profile(struct pprof *p, struct proto *out)
{
	const struct result_traced *traced = p->r->trace.traced;
	struct proto part = { 0 };

	write_types(p, out, &part);
	write_samples(p, out, &part);
	write_mapping(p, out, &part);
	write_locations(p, out, &part);
	write_functions(p, out, &part);
	write_comments(p, out);
	proto_number(out, PROFILE_TIME_NANOS, p->r->unix_time_ns);
	proto_number(out, PROFILE_DURATION_NANOS, traced ? traced->duration_ns : 0);
	write_strings(p, out);
	proto_fini(&part);
}

/* ---- gzip ---- */

static struct err *gzip_write(const void *data, size_t len, FILE *out)
{
	unsigned char chunk[GZIP_CHUNK];
	z_stream z = { .next_in = (void *)data };
	int state = Z_OK;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return err_nomem();
	while (state == Z_OK) {
		if (!z.avail_in) {
			z.avail_in = len > GZIP_CHUNK ? GZIP_CHUNK : (unsigned int)len;
			len -= z.avail_in;
		}
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		state = deflate(&z, len ? Z_NO_FLUSH : Z_FINISH);
		fwrite(chunk, 1, sizeof(chunk) - z.avail_out, out);
	}
	deflateEnd(&z);
	return NULL;
}

/* ---- all of it ---- */

static void pprof_fini(struct pprof *p)
{
	intern_fini(&p->strings);
	intern_fini(&p->functions);
	intern_fini(&p->locations);
	intern_fini(&p->stacks);
	vec_fini(&p->sums);
}

struct err *report_pprof(struct result *r, FILE *out)
{
	struct pprof p = { .r = r };
	struct proto profile = { 0 };
	struct err *err = NULL;

	pprof_string(&p, "");
	pprof_add_maps(&p);
	if (!p.failed)
		write_profile(&p, &profile);
	if (p.failed || p.strings.failed || profile.failed)
		err = err_nomem();
	else
		err = gzip_write(profile.bytes.data, profile.bytes.len, out);
	proto_fini(&profile);
	pprof_fini(&p);
	return err;
}
