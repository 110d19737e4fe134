// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/fail_on.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"

static bool parse_share(const char *arg, double *ret)
{
	char *end;
	double percent = strtod(arg, &end);

	if (!isdigit((unsigned char)*arg) || strcmp(end, "%") != 0 ||
	    !(percent >= 0 && percent <= 100))
		return false;
	*ret = percent / 100;
	return true;
}

struct err *threshold_parse(const char *option, const char *arg, struct threshold *ret)
{
	struct threshold t = { 0 };

	if (!parse_share(arg, &t.share) && !parse_bytes(arg, &t.bytes))
		return err_new(ERR_USAGE,
			       "--%s: '%s' is neither a size nor a share (examples: 64k, 256M, "
			       "1.5G, 10%%)",
			       option, arg);
	*ret = t;
	return NULL;
}

struct err *fail_on_parse(const char *arg, struct fail_on *ret)
{
	struct fail_on f = { .never = !strcmp(arg, "never") };
	struct err *err = NULL;
	size_t i = 0;

	while (i < SEVERITY_CNT && strcmp(arg, finding_severity_words[i].name) != 0)
		i++;
	f.by_size = !f.never && i == SEVERITY_CNT;
	if (f.by_size)
		err = threshold_parse("fail-on", arg, &f.size);
	else if (!f.never)
		f.severity = i;
	if (!err)
		*ret = f;
	return err;
}

static bool fail_on_is(const struct fail_on *f, const struct result *r,
		       const struct result_finding *finding)
{
	uint64_t size = threshold_bytes(&f->size, r->verdict.share_of_bytes);

	if (f->never)
		return false;
	if (!f->by_size)
		return finding->severity >= f->severity;
	return finding->severity == SEVERITY_CRITICAL ||
	       (finding->severity >= SEVERITY_WARN && finding->bytes >= size);
}

const struct result_finding *fail_on_find(const struct fail_on *f, const struct result *r)
{
	for (size_t i = 0; i < r->findings.len; i++)
		if (fail_on_is(f, r, &r->findings.data[i]))
			return &r->findings.data[i];
	return NULL;
}

void fail_on_say(const struct fail_on *f, const struct result *r)
{
	const struct result_finding *first = fail_on_find(f, r);
	char bytes[64] = "", more[64] = "";
	size_t cnt = 0;

	for (size_t i = 0; i < r->findings.len; i++)
		cnt += fail_on_is(f, r, &r->findings.data[i]);
	if (!first)
		return;
	if (first->bytes)
		snprintf(bytes, sizeof(bytes), " of %s", text_bytes(first->bytes).s);
	if (cnt > 1)
		snprintf(more, sizeof(more), " (and %s)", text_counted(cnt - 1, "other finding").s);
	log_error("failed on %s %s%s%s: %s", finding_severity_words[first->severity].name,
		  finding_kind_words[first->kind].name, bytes, more,
		  first->headline ? first->headline : "?");
}
