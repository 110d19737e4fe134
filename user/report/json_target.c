// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "report/json_value.h"
#include "report/names.h"

static const char *layout_source(enum layout_match match)
{
	static const char *const names[] = {
		[LAYOUT_KNOWN] = "table",
		[LAYOUT_NEAREST] = "nearest",
		[LAYOUT_DWARF] = "dwarf",
	};

	return names[match];
}

static json_t *plugins(const struct goimage *image)
{
	json_t *a = json_array();

	for (size_t i = 0; i < image->plugins.len; i++)
		json_array_append_new(a, json_text(image->plugins.data[i].path));
	return a;
}

/* Files with runtimes of their own, of which nothing is in this report. */
static json_t *other_images(const struct goimage *image)
{
	json_t *a = json_array();

	for (size_t i = 0; i < image->others.len; i++)
		json_array_append_new(a, json_text(image->others.data[i]));
	return a;
}

json_t *json_target(const struct watch *w)
{
	const struct target *t = w->target;
	const struct program *prog = w->prog;
	json_t *o = json_object();

	set_u64(o, "pid", t->pid);
	set_text(o, "command", t->command);
	set_text(o, "command_line", t->command_line);
	set_text(o, "executable", t->exe);
	set_bool(o, "executable_deleted", t->exe_deleted);
	set_bool(o, "runtime_in_shared_library", !prog->image.mapped->is_exe);
	set(o, "plugins", plugins(&prog->image));
	set(o, "other_go_images", other_images(&prog->image));
	set_u64(o, "start_time_unix_s", t->started_at_s);
	set_u64(o, "uptime_ns", t->uptime_ns);
	set_text(o, "go_version", prog->image.build.version);
	set_text(o, "go_experiments", prog->image.build.experiments);
	set_text(o, "main_package", prog->image.build.main_path);
	set_text(o, "map_kind", name_map_kind(prog->layout.kind));
	set_text(o, "layout", prog->layout.name);
	set_text(o, "layout_source", layout_source(prog->layout_match));
	set_bool(o, "layout_is_of_this_version", prog->layout_match != LAYOUT_NEAREST);
	set_bool(o, "stripped", prog->stripped);
	set_bool(o, "has_dwarf", prog->has_dwarf);
	set_u64(o, "rss_bytes", w->rss.rss_bytes);
	set_u64(o, "swap_bytes", w->rss.swap_bytes);
	set_nonzero(o, "cgroup_limit_bytes", t->cgroup_limit_bytes);
	set_known(o, "cgroup_left_bytes", w->cgroup_limited, w->cgroup_left_bytes);
	set_bool(o, "other_pid_namespace", t->other_pid_ns);
	set_bool(o, "other_mount_namespace", t->other_mnt_ns);
	set_text(o, "stopped_by", name_halt(w->halts.now));
	set_text(o, "gone", w->gone ? w->gone->msg : NULL);
	return o;
}
