// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { MODE_OF_FILES = 0666 }; /* less the umask */

static struct err *output_json(struct result *r, const struct report_opts *opts, FILE *out)
{
	(void)opts;
	return report_json(r, out);
}

static struct err *output_prometheus(struct result *r, const struct report_opts *opts, FILE *out)
{
	(void)opts;
	return report_prometheus(r, out);
}

static struct err *output_pprof(struct result *r, const struct report_opts *opts, FILE *out)
{
	(void)opts;
	return report_pprof(r, out);
}

static const struct output_kind {
	const char *option;
	struct err *(*write)(struct result *r, const struct report_opts *opts, FILE *out);
} output_kinds[OUTPUT_CNT] = {
	[OUTPUT_TEXT] = { "output", report_text },
	[OUTPUT_JSON] = { "json", output_json },
	[OUTPUT_PROMETHEUS] = { "prometheus", output_prometheus },
	[OUTPUT_PPROF] = { "pprof", output_pprof },
	[OUTPUT_HTML] = { "html", report_html },
};

static bool output_is_stdout(const char *path)
{
	return path && !strcmp(path, "-");
}

bool outputs_has_json(const struct outputs *o)
{
	return output_is_stdout(o->path[OUTPUT_JSON]) || (o->json && !o->main);
}

bool outputs_color(const struct outputs *o)
{
	return color_is_on(o->color, output_is_stdout(o->path[OUTPUT_TEXT]));
}

/* ---- the command line ---- */

enum { OPT_OUTPUT = 768, OPT_JSON, OPT_PROMETHEUS, OPT_PPROF, OPT_HTML, OPT_COLOR };

static const struct argp_option output_options[] = {
	{ "output", OPT_OUTPUT, "FILE", 0,
	  "Write the text, or the JSON with --json, to FILE, which is replaced as a whole", 0 },
	{ "json", OPT_JSON, "FILE", OPTION_ARG_OPTIONAL,
	  "Print one JSON document (to FILE: --json=FILE)", 0 },
	{ "html", OPT_HTML, "FILE", 0,
	  "Write a page for a browser to FILE (-: standard output): one file, which needs no "
	  "network",
	  0 },
	{ "prometheus", OPT_PROMETHEUS, "FILE", 0,
	  "Write metrics for Prometheus to FILE (-: standard output)", 0 },
	{ "pprof", OPT_PPROF, "FILE", 0,
	  "Write a profile of the maps for `go tool pprof` to FILE (-: standard output)", 0 },
	{ "color", OPT_COLOR, "WHEN", 0, COLOR_HELP, 0 },
	{ 0 },
};

static error_t parse_outputs(int key, char *arg, struct argp_state *state)
{
	struct outputs *o = state->input;

	switch (key) {
	case OPT_OUTPUT:
		o->main = arg;
		return 0;
	case OPT_JSON:
		o->json = !arg;
		o->path[OUTPUT_JSON] = arg;
		return 0;
	case OPT_PROMETHEUS:
		o->path[OUTPUT_PROMETHEUS] = arg;
		return 0;
	case OPT_PPROF:
		o->path[OUTPUT_PPROF] = arg;
		return 0;
	case OPT_COLOR:
		o->color_arg = arg;
		return 0;
	case OPT_HTML:
		o->path[OUTPUT_HTML] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp args_outputs = { .options = output_options, .parser = parse_outputs };

bool outputs_want_any(const struct outputs *o)
{
	bool any = o->json || o->main;

	for (int i = 0; i < OUTPUT_CNT; i++)
		any |= o->path[i] != NULL;
	return any;
}

/* Whether a path is that of something which is there and can't be replaced, such as a pipe. */
static bool output_is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static struct err *output_check_path(const char *option, const char *path)
{
	char copy[PATH_MAX];

	if (!*path || strlen(path) >= sizeof(copy))
		return err_new(ERR_USAGE, "--%s: '%s' is not a file", option, path);
	if (output_is_stdout(path) || output_is_special(path))
		return NULL;
	strcpy(copy, path);
	if (access(dirname(copy), W_OK | X_OK))
		return err_new(ERR_OUTPUT, "%s can't be written: %s", path, strerror(errno));
	return NULL;
}

/* A profile is no text. */
static struct err *output_check_terminal(const struct outputs *o)
{
	if (!output_is_stdout(o->path[OUTPUT_PPROF]) || !isatty(STDOUT_FILENO))
		return NULL;
	return err_new(ERR_USAGE, "--pprof: a profile is not for a terminal; give a file");
}

static struct err *output_check_alone(const struct outputs *o, int i)
{
	for (int j = 0; j < i; j++)
		if (o->path[j] && !strcmp(o->path[j], o->path[i]))
			return err_new(ERR_USAGE, "--%s and --%s can't both go to %s",
				       output_kinds[j].option, output_kinds[i].option,
				       output_is_stdout(o->path[i]) ? "standard output"
								    : o->path[i]);
	return NULL;
}

struct err *outputs_settle(struct outputs *o)
{
	struct err *err = output_check_terminal(o);

	if (!err && o->color_arg)
		err = color_parse(o->color_arg, &o->color);
	if (o->json)
		o->path[OUTPUT_JSON] = o->main ? o->main : "-";
	else if (o->main || !outputs_want_any(o))
		o->path[OUTPUT_TEXT] = o->main ? o->main : "-";
	for (int i = 0; i < OUTPUT_CNT && !err; i++) {
		if (!o->path[i])
			continue;
		err = output_check_alone(o, i);
		if (!err)
			err = output_check_path(output_kinds[i].option, o->path[i]);
	}
	return err;
}

/* ---- writing ---- */

static struct err *output_flush(struct err *err, FILE *out)
{
	bool failed = fflush(out) || ferror(out);

	if (!err && failed)
		return err_new(ERR_OUTPUT, "writing the report: %s", strerror(errno));
	return err;
}

static struct err *output_to_stream(const struct output_kind *kind, struct result *r,
				    const struct report_opts *opts, FILE *out)
{
	return output_flush(kind->write(r, opts, out), out);
}

/* For what can't be replaced: pipes, terminals, /dev/stderr. */
static struct err *output_to_special(const struct output_kind *kind, struct result *r,
				     const struct report_opts *opts, const char *path)
{
	_cleanup_fclose_ FILE *out = fopen(path, "we");

	if (!out)
		return err_new(ERR_OUTPUT, "%s can't be written: %s", path, strerror(errno));
	return output_to_stream(kind, r, opts, out);
}

/* Where the file really is: a link stays what it is. The file need not be there. */
static const char *output_target(const char *path, char buf[PATH_MAX])
{
	return realpath(path, buf) ? buf : path;
}

/* Opens a new file in the directory of `path`. Its name begins with a dot, so that those who
 * collect *.prom or *.json don't see it. */
static FILE *output_open_beside(const char *path, char name[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) + 1 : 0;
	int len = snprintf(name, PATH_MAX, "%.*s.maptrace-XXXXXX", dir_len, path);
	mode_t mask = umask(0);

	umask(mask);
	if (len >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}

	int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return NULL;
	fchmod(fd, MODE_OF_FILES & ~mask);
	FILE *out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		unlink(name);
	}
	return out;
}

static struct err *output_to_file(const struct output_kind *kind, struct result *r,
				  const struct report_opts *opts, const char *path)
{
	char target[PATH_MAX], name[PATH_MAX];
	const char *to = output_target(path, target);
	FILE *out = output_open_beside(to, name);

	if (!out)
		return err_new(ERR_OUTPUT, "%s can't be written: %s", path, strerror(errno));
	struct err *err = output_to_stream(kind, r, opts, out);
	if (!err && fsync(fileno(out)) && errno != EINVAL)
		err = err_new(ERR_OUTPUT, "writing %s: %s", path, strerror(errno));
	fclose(out);
	if (!err && rename(name, to))
		err = err_new(ERR_OUTPUT, "%s can't be written: %s", path, strerror(errno));
	if (err)
		unlink(name);
	return err;
}

static struct err *output_write(const struct output_kind *kind, struct result *r,
				const struct report_opts *opts, const char *path)
{
	if (output_is_stdout(path))
		return output_to_stream(kind, r, opts, stdout);
	if (output_is_special(path))
		return output_to_special(kind, r, opts, path);
	return output_to_file(kind, r, opts, path);
}

struct err *outputs_write(const struct outputs *o, struct result *r, const struct report_opts *opts)
{
	struct err *first = NULL;

	for (int i = 0; i < OUTPUT_CNT; i++) {
		struct err *err = o->path[i] ? output_write(&output_kinds[i], r, opts, o->path[i])
					     : NULL;

		if (first)
			err_free(err);
		else
			first = err;
	}
	return first;
}
