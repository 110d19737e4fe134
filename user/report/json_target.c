// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member host_members[] = {
	JSON_TEXT("name", result_host, name, 0, "The host's name."),
	JSON_TEXT(
		"boot_id", result_host, boot_id, 0,
		"The kernel's random id of this boot; equal pids of two boots are two processes."),
};
const struct json_shape result_host_json =
	JSON_SHAPE(result_host, "host", "Where the report was made.", host_members);

static const struct json_member target_members[] = {
	JSON_U64("pid", result_target, pid, "Process id, as maptrace sees it."),
	JSON_TEXT("command", result_target, command, 0, "Name of the process."),
	JSON_TEXT("command_line", result_target, command_line, 0, "Its arguments."),
	JSON_TEXT("executable", result_target, executable, 0, "Path of the program's file."),
	JSON_BOOL("executable_deleted", result_target, executable_deleted,
		  "The program's file was deleted or replaced on disk."),
	JSON_BOOL("runtime_in_shared_library", result_target, runtime_in_shared_library,
		  "The Go runtime is that of a library in a C program."),
	JSON_TEXTS("plugins", result_target, plugins, 0, "Paths of the Go plugins in it."),
	JSON_TEXTS("other_go_images", result_target, other_go_images, 0,
		   "Files with Go runtimes of their own; nothing of them is in this report."),
	JSON_U64("start_time_unix_s", result_target, start_time_unix_s,
		 "When the process started; seconds since 1970."),
	JSON_U64("uptime_ns", result_target, uptime_ns, "How long it has run; nanoseconds."),
	JSON_TEXT("go_version", result_target, go_version, 0, "Go version that built it."),
	JSON_TEXT("go_experiments", result_target, go_experiments, 0, "Its GOEXPERIMENTs."),
	JSON_TEXT("main_package", result_target, main_package, 0, "Import path of package main."),
	JSON_TEXT("map_kind", result_target, map_kind, 0,
		  "How its maps are made: \"classic\" (until Go 1.23) or \"swiss\"."),
	JSON_TEXT("layout", result_target, layout, 0, "Name of the layout it is read with."),
	JSON_TEXT("layout_source", result_target, layout_source, 0,
		  "Where the layout comes from: \"table\", \"nearest\" (of the nearest known "
		  "version) or \"dwarf\" (debug information)."),
	JSON_BOOL("layout_is_of_this_version", result_target, layout_is_of_this_version,
		  "The layout is not the nearest one only."),
	JSON_BOOL("stripped", result_target, stripped, "The program has no symbol table."),
	JSON_BOOL("has_dwarf", result_target, has_dwarf, "The program has debug information."),
	JSON_U64("rss_bytes", result_target, rss_bytes, "Resident bytes at the start."),
	JSON_U64("swap_bytes", result_target, swap_bytes, "Swapped bytes at the start."),
	JSON_NONZERO("cgroup_limit_bytes", result_target, cgroup_limit_bytes,
		     "Memory limit of its cgroup, in bytes; null: none."),
	JSON_OPT_U64("cgroup_left_bytes", result_target, cgroup_left_bytes, 0,
		     "Bytes below that limit at the end; null: no limit."),
	JSON_TEXT("container_id", result_target, container_id, 0,
		  "Id of its container, from the path of its cgroup; null: in no container."),
	JSON_TEXT("pod_uid", result_target, pod_uid, 0,
		  "Uid of its Kubernetes pod, from the same path; null: in no pod."),
	JSON_BOOL("other_pid_namespace", result_target, other_pid_namespace,
		  "It is in another pid namespace than maptrace."),
	JSON_BOOL("other_mount_namespace", result_target, other_mount_namespace,
		  "It is in another mount namespace than maptrace."),
	JSON_TEXT("stopped_by", result_target, stopped_by, 0,
		  "What stops it: \"signal\", \"tracer\" or \"cgroup\"; null: it runs."),
	JSON_TEXT("gone", result_target, gone, 0, "Why it went away; null: it is there."),
};
const struct json_shape result_target_json =
	JSON_SHAPE(result_target, "target", "The process that was looked at.", target_members);

static const struct json_member doubt_members[] = {
	JSON_WORD("code", result_doubt, code, doubt_code, doubt_words, "Which doubt it is."),
	JSON_TEXT("text", result_doubt, text, JSON_NEVER_NULL, "It in one or more sentences."),
};
const struct json_shape result_doubt_json =
	JSON_SHAPE(result_doubt, "doubt", "What a reader should know before believing the rest.",
		   doubt_members);
