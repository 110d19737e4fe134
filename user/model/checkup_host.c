// SPDX-License-Identifier: GPL-2.0-only
/* What of maptrace works on this host, whatever the process. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "arch/arch.h"
#include "model/checkup_fill.h"
#include "process/rights.h"
#include "trace/host.h"
#include "trace/kernel_faults.h"

/* Inode of the first pid namespace: PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h. */
#define FIRST_PID_NAMESPACE 0xeffffffcu

enum { LINE_SZ = 256 };

/* The first line of a small file that starts with `key`, without that; false: there is none. */
static bool line_of_file(const char *path, const char *key, char ret[LINE_SZ])
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[LINE_SZ];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(ret, LINE_SZ, "%s",
			 line + strlen(key) + strspn(line + strlen(key), " \t"));
		return true;
	}
	return false;
}

/* ---- the kernel ---- */

static void check_kernel(struct checkup *c)
{
	struct utsname name;

	if (uname(&name))
		memset(&name, 0, sizeof(name));
	const char *found = pool_printf(&c->pool, "Linux %s, %s", name.release, name.machine);
	if (arch_host())
		checkup_ok(c, "kernel", found);
	else
		checkup_fail(c, "kernel", EXIT_KERNEL, found, "this processor is not known");
}

/* All faults, the worst first. */
static void check_kernel_faults(struct checkup *c)
{
	const struct kernel_fault *f;
	bool refused = false;
	struct utsname name;
	const char *found = NULL;

	if (uname(&name))
		memset(&name, 0, sizeof(name));
	for (size_t row = 0; (f = kernel_fault_find(name.release, row, &row)); row++) {
		refused |= f->refused;
		found = pool_printf(&c->pool, "%s%s%s: %s (%s)", found ? found : "",
				    found ? "; " : "", f->what, f->instead, f->source);
	}
	if (refused)
		checkup_limit(c, "kernel_faults", found, "no trace");
	else if (found)
		checkup_note(c, "kernel_faults", found, NULL);
	else
		checkup_ok(c, "kernel_faults", "none is known of this release");
}

static void check_proc(struct checkup *c)
{
	struct err *err = rights_check_proc();

	if (err)
		checkup_fail_err(c, "proc", err);
	else
		checkup_ok(c, "proc", "/proc shows the processes of our pid namespace");
}

static void check_pid_namespace(struct checkup *c)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st))
		checkup_limit(c, "pid_namespace", strerror(errno), "it is not known which it is");
	else if (st.st_ino == FIRST_PID_NAMESPACE)
		checkup_ok(c, "pid_namespace", "that of the host: all processes are seen");
	else
		checkup_limit(c, "pid_namespace", "a container's",
			      "only its processes are seen, with its numbers; hostPID: true or "
			      "--pid=host shows all");
}

static void check_lockdown(struct checkup *c)
{
	char modes[LINE_SZ];

	if (!line_of_file("/sys/kernel/security/lockdown", "", modes))
		checkup_ok(c, "lockdown", "none: there is no such file, or it cannot be read");
	else if (strstr(modes, "[confidentiality]"))
		checkup_limit(c, "lockdown", "confidentiality",
			      "no trace: BPF may not read memory");
	else
		checkup_ok(c, "lockdown", modes);
}

static void check_btf(struct checkup *c)
{
	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		checkup_ok(c, "btf", "/sys/kernel/btf/vmlinux");
	else
		checkup_limit(c, "btf",
			      pool_printf(&c->pool, "/sys/kernel/btf/vmlinux: %s", strerror(errno)),
			      "no memory calls, no page faults");
}

static void check_seccomp(struct checkup *c)
{
	char mode[LINE_SZ];

	if (!line_of_file("/proc/self/status", "Seccomp:", mode) || !strcmp(mode, "0"))
		checkup_ok(c, "seccomp", "no filter");
	else
		checkup_limit(c, "seccomp", "a filter is on us, as container engines set it",
			      "it may forbid what the rows below say does not work");
}

static void check_cgroup(struct checkup *c)
{
	if (!access("/sys/fs/cgroup/cgroup.controllers", R_OK))
		checkup_ok(c, "cgroup", "version 2");
	else if (!access("/sys/fs/cgroup/memory", R_OK))
		checkup_ok(c, "cgroup", "version 1");
	else
		checkup_limit(c, "cgroup", "not mounted at /sys/fs/cgroup",
			      "the memory limit of a process is not known");
}

/* ---- rights ---- */

static const struct right {
	unsigned int number;
	const char *code;
	const char *use; /* what it is for */
	const char *cost; /* without it */
} rights[] = {
	{ CAP_SYS_PTRACE, "cap_sys_ptrace", "reads the memory of a process",
	  "no report of processes of other users, or of those that may not be dumped" },
	{ CAP_DAC_READ_SEARCH, "cap_dac_read_search", "reads files of a process in /proc",
	  "no report of processes of other users, unless we are root" },
	{ CAP_BPF, "cap_bpf", "loads BPF programs", "no trace: --duration 0 takes a census" },
	{ CAP_PERFMON, "cap_perfmon", "attaches BPF programs",
	  "no trace: --duration 0 takes a census" },
	{ CAP_SYS_NICE, "cap_sys_nice", "takes probes out in time on a busy machine",
	  "windows get shorter, so rates get wider intervals" },
};

/* CAP_SYS_ADMIN includes the two for BPF (capabilities(7)), as root includes the one for files. */
static bool right_is_there(const struct right *r, uint64_t mask)
{
	if (mask >> r->number & 1)
		return true;
	switch (r->number) {
	case CAP_BPF:
	case CAP_PERFMON:
		return mask >> CAP_SYS_ADMIN & 1;
	case CAP_DAC_READ_SEARCH:
		return mask >> CAP_DAC_OVERRIDE & 1 || !geteuid();
	default:
		return false;
	}
}

static void check_rights(struct checkup *c)
{
	uint64_t mask = rights_effective();

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		const struct right *r = &rights[i];

		if (right_is_there(r, mask))
			checkup_ok(c, r->code, r->use);
		else
			checkup_limit(c, r->code, pool_printf(&c->pool, "missing; it %s", r->use),
				      r->cost);
	}
}

/* ---- what a trace can do ---- */

static void check_map_functions(struct checkup *c, const struct trace_host *h)
{
	if (h->maps_missing)
		checkup_limit(c, "map_functions", pool_text(&c->pool, h->maps_missing),
			      "no inserts, deletes, growths: --duration 0 takes a census");
	else if (h->how == TRACE_ATTACH_MULTI)
		checkup_ok(c, "map_functions", "uprobe_multi: one link for all probes");
	else
		checkup_limit(c, "map_functions", "one perf event for each probe",
			      "probes go in and out more slowly, so windows are fewer (Linux 6.10 "
			      "has uprobe_multi without faults)");
}

static void check_memory_calls(struct checkup *c, const struct trace_host *h)
{
	if (h->memcalls_missing)
		checkup_limit(c, "memory_calls", pool_text(&c->pool, h->memcalls_missing),
			      "who maps memory and gives it back is not known");
	else if (h->memcalls_by == TRACE_MEMCALLS_FUNCTIONS)
		checkup_ok(c, "memory_calls", "fentry and fexit on the system calls");
	else
		checkup_note(c, "memory_calls", "tracepoints on all system calls",
			     "each system call of each process takes a little longer during a "
			     "watch");
	if (h->refaults_missing)
		checkup_limit(c, "page_faults", pool_text(&c->pool, h->refaults_missing),
			      "how much of what was given back is needed again is not known");
	else
		checkup_ok(c, "page_faults", "tracepoint exceptions:page_fault_user");
}

struct err *checkup_host(struct checkup *c)
{
	struct trace_host host;

	check_kernel(c);
	check_kernel_faults(c);
	check_proc(c);
	check_pid_namespace(c);
	check_cgroup(c);
	check_rights(c);
	check_seccomp(c);
	check_lockdown(c);
	check_btf(c);
	struct err *err = trace_host_try(&host);
	if (err)
		return err;
	check_map_functions(c, &host);
	check_memory_calls(c, &host);
	trace_host_fini(&host);
	return c->pool.failed ? err_nomem() : NULL;
}
