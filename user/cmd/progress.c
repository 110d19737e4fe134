// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/units.h"

#define FIRST_NS (500 * NS_PER_MS) /* what is done sooner needs no line */
#define EVERY_NS (250 * NS_PER_MS)

enum { LINE_SZ = 256 };

static bool progress_is_forbidden;

void progress_forbid(void)
{
	progress_is_forbidden = true;
}

bool progress_is_possible(bool verbose)
{
	const char *term = getenv("TERM");

	return !progress_is_forbidden && !verbose && isatty(STDERR_FILENO) && term &&
	       strcmp(term, "dumb") != 0;
}

/* Rounded up: "1 s left" until it is over. */
static struct text progress_seconds(uint64_t ns)
{
	return text_duration((ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S);
}

/* What is left of the watch, with its censuses. */
static uint64_t progress_left_ns(const struct progress *p, uint64_t now)
{
	uint64_t done = now - p->trace_ns;

	return p->trace_ns && p->duration_ns > done ? p->duration_ns - done : 0;
}

/* How long the steps before the watch and after it take is not known. */
static void progress_words(const struct progress *p, const char *step, char *ret, size_t size)
{
	uint64_t now = clock_ns(), left = progress_left_ns(p, now);

	if (left)
		snprintf(ret, size, "watching, %s left (Ctrl-C ends it early)",
			 progress_seconds(left).s);
	else if (!p->trace_ns && p->duration_ns)
		snprintf(ret, size, "%s, then %s of watching", step,
			 progress_seconds(p->duration_ns).s);
	else
		snprintf(ret, size, "%s, %s so far", step, progress_seconds(now - p->start_ns).s);
}

void progress_tick(void *progress)
{
	struct progress *p = progress;
	const char *step = __atomic_load_n(p->doing, __ATOMIC_RELAXED);
	uint64_t now = clock_ns();
	char line[LINE_SZ], words[LINE_SZ / 2];

	p->start_ns = p->start_ns ? p->start_ns : now;
	if (step && !p->trace_ns && !strcmp(step, "the trace"))
		p->trace_ns = now;
	if (now - p->start_ns < FIRST_NS || now - p->shown_ns < EVERY_NS)
		return;
	progress_words(p, step ? step : "the start", words, sizeof(words));
	snprintf(line, sizeof(line), "maptrace: process %d: %s", (int)p->pid, words);
	fprintf(stderr, "\r\033[K%.*s", terminal_columns(stderr) - 1, line);
	fflush(stderr);
	log_over_line(true);
	p->shown_ns = now;
}

void progress_end(struct progress *p)
{
	log_over_line(false);
	if (!p->shown_ns)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
