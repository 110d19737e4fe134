/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prometheus_parts.h - what the parts of the metrics have in common.
 *
 * A family is a metric with its help; a sample is one line of it. All are gauges: they tell of one
 * look. Each line has the labels of the target, so that files of several processes can be
 * collected together.
 */
#ifndef MAPTRACE_REPORT_PROMETHEUS_PARTS_H
#define MAPTRACE_REPORT_PROMETHEUS_PARTS_H

#include <stdint.h>
#include <stdio.h>

#include "base/pool.h"
#include "model/result.h"

struct prom {
	FILE *out;
	const struct result *r;
	struct pool *pool; /* of the text below, and of the labels */
	const char *target; /* `command="x",container_id="y"`, escaped */
	const char *family; /* that was begun last, without "maptrace_" */
};

/* Begins a family: HELP and TYPE. */
void prom_family(struct prom *p, const char *name, const char *help);

/* A sample of the family. `labels` is more of them, escaped and without a comma at either end; NULL:
 * none. */
void prom_count(const struct prom *p, const char *labels, uint64_t value);

/* The text of a value of a label: UTF-8 that can be printed, at most 200 bytes, not escaped. */
const char *prom_text(struct pool *pool, const char *s);

/* `name="value"`, escaped. NULL: memory ran out. */
const char *prom_label(struct pool *pool, const char *name, const char *value);

/* The families about maps: of the types and holders with most waste, and of all others. */
void prom_maps(struct prom *p);

#endif
