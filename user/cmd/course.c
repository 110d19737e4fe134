// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/course.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cmd/ring.h"
#include "report/json_read.h"

enum { COURSE_FILES_MAX = 100000 };

bool course_is_meant(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* The course, with its first and last result. */
struct course_files {
	struct course course;
	struct result *first;
	struct result *last;
};

static void course_files_fini(struct course_files *f)
{
	if (f->first != f->last)
		result_free(f->first);
	result_free(f->last);
	course_fini(&f->course);
}

/* Takes the result over. */
static struct err *course_files_add(struct course_files *f, struct result *r)
{
	if (f->last && f->last != f->first)
		result_free(f->last);
	f->last = r;
	if (!f->first)
		f->first = r;
	return course_add(&f->course, r);
}

static struct err *course_files_read(struct course_files *f, const struct ring_names *names)
{
	size_t cnt = names->list.len < COURSE_FILES_MAX ? names->list.len : COURSE_FILES_MAX;

	for (size_t i = 0; i < cnt; i++) {
		struct result *r = NULL;
		struct err *err = result_read_file(names->list.data[i], &r);

		if (!err)
			err = course_files_add(f, r);
		else if (!err_is(err, ERR_NOMEM)) {
			log_debug("%s", err->msg);
			err_free(err);
			err = NULL;
			f->course.unreadable++;
		}
		if (err)
			return err;
	}
	return NULL;
}

/* The page is that of the last result, with the course. */
static struct err *course_write_page(const struct course_files *f, const struct outputs *outputs,
				     const struct report_opts *opts)
{
	struct outputs page = { .path[OUTPUT_HTML] = outputs->path[OUTPUT_HTML] };
	struct report_opts with_course = *opts;

	with_course.course = &f->course;
	return outputs_write(&page, f->last, &with_course);
}

static struct err *course_print(const struct course_files *f, const struct outputs *outputs,
				const struct report_opts *opts)
{
	struct err *err = NULL;

	if (outputs_has_json(outputs))
		err = report_course_json(&f->course, stdout);
	else if (outputs->path[OUTPUT_TEXT]) {
		_cleanup_diff_ struct result_diff *d = diff_new(f->first, f->last);

		if (!d)
			return err_nomem();
		report_course_text(&f->course, opts, stdout);
		report_diff_text(d, opts, stdout);
	}
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = err_new(ERR_OUTPUT, "writing the course: %s", strerror(errno));
	if (!err && outputs->path[OUTPUT_HTML])
		err = course_write_page(f, outputs, opts);
	return err;
}

/* Files other than the page are those of one report. */
static struct err *course_check(const struct outputs *o)
{
	const char *json = o->path[OUTPUT_JSON];

	if (o->path[OUTPUT_PROMETHEUS] || o->path[OUTPUT_PPROF] || o->main ||
	    (json && strcmp(json, "-")))
		return err_new(ERR_USAGE,
			       "--from: of a directory there is the text, --json without a "
			       "file, and --html");
	return NULL;
}

struct err *course_show(const char *dir, const struct outputs *outputs,
			const struct report_opts *opts)
{
	struct course_files files = { 0 };
	struct ring_names names = { 0 };
	struct err *err = course_check(outputs);

	if (!err)
		err = ring_list(dir, &names);
	if (!err)
		err = course_files_read(&files, &names);
	if (!err && !files.last)
		err = err_new(ERR_UNSUPPORTED, "%s: there is no report of `maptrace record` in it",
			      dir);
	if (!err)
		err = course_print(&files, outputs, opts);
	course_files_fini(&files);
	ring_names_fini(&names);
	return err;
}
