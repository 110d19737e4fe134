// SPDX-License-Identifier: GPL-2.0-only
#include "trace/attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "trace/capability.h"
#include "trace/shelter.h"

/*
 * The arguments of BPF_LINK_CREATE, as in the kernel's include/uapi/linux/bpf.h: for a
 * uprobe_multi link since Linux commit 89ae89f53d20 ("bpf: Add multi uprobe link") (v6.6),
 * which older headers and libbpf 1.1 do not have; for a perf event with a cookie since
 * v5.15.
 */
struct link_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	union {
		struct {
			uint64_t path;
			uint64_t offsets;
			uint64_t ref_ctr_offsets;
			uint64_t cookies;
			uint32_t cnt;
			uint32_t multi_flags;
			uint32_t pid;
			uint32_t pad;
		} multi;
		struct {
			uint64_t cookie;
		} perf;
	};
};
_Static_assert(sizeof(struct link_attr) == 64, "part of union bpf_attr");

static struct err *attach_err(int os_errno, enum trace_attach mechanism)
{
	const char *how = mechanism == TRACE_ATTACH_MULTI ? "uprobe_multi" : "perf event";

	switch (os_errno) {
	case EPERM:
	case EACCES:
		return mechanism == TRACE_ATTACH_MULTI
			       ? capability_err("attaching probes")
			       : capability_err_admin("attaching probes by perf events");
	case ENOENT: /* the path is below /proc/PID, which loses its files before it is gone */
		os_errno = ESRCH;
		/* fall through */
	case ESRCH:
	case ENOMEM:
		return err_os(os_errno, "attaching probes (%s)", how);
	default:
		return err_new(ERR_KERNEL, "this kernel cannot attach probes (%s): %s", how,
			       strerror(os_errno));
	}
}

/* ---- Sheltered calls (shelter.h): system calls and nothing else ---- */

struct attach_call {
	const struct attach_target *target;
	const struct probe_set *set;
	struct attachment *attachment;
	uint32_t prog_fd;
	uint32_t perf_type; /* of uprobe events */
	int os_errno; /* 0: all probes are in */
};

struct remove_call {
	struct attachment *attachment;
	const uint64_t *hits;
};

static int link_create(const struct link_attr *attr)
{
	return (int)syscall(SYS_bpf, BPF_LINK_CREATE, attr, sizeof(*attr));
}

static void multi_attach(struct attach_call *a)
{
	uint64_t offsets[ABI_FUNC_MAX];
	uint64_t cookies[ABI_FUNC_MAX];
	struct link_attr attr = {
		.prog_fd = a->prog_fd,
		.attach_type = ATTACH_TYPE_UPROBE_MULTI,
		.multi = {
			.path = (uintptr_t)a->target->path,
			.offsets = (uintptr_t)offsets,
			.cookies = (uintptr_t)cookies,
			.cnt = (uint32_t)a->set->cnt,
			.pid = (uint32_t)a->target->pid,
		},
	};

	for (size_t i = 0; i < a->set->cnt; i++) {
		offsets[i] = a->set->probe[i].file_off;
		cookies[i] = a->set->probe[i].func;
	}
	int fd = link_create(&attr);
	a->os_errno = fd < 0 ? errno : 0;
	*a->attachment = (struct attachment){ .active = fd >= 0, .link_fd = fd };
}

/* One probe: an event, and a link of the program to it. */
static bool perf_attach_one(struct attach_call *a, const struct probe *probe,
			    struct perf_probe *ret)
{
	struct perf_event_attr event = {
		.type = a->perf_type,
		.size = sizeof(event),
		.uprobe_path = (uintptr_t)a->target->path,
		.probe_offset = probe->file_off,
	};
	struct link_attr attr = {
		.prog_fd = a->prog_fd,
		.attach_type = BPF_PERF_EVENT,
		.perf = { .cookie = probe->func },
	};

	ret->event_fd = (int)syscall(SYS_perf_event_open, &event, a->target->pid, /* cpu= */ -1,
				     /* group_fd= */ -1, PERF_FLAG_FD_CLOEXEC);
	if (ret->event_fd < 0)
		return false;
	ret->active = true;
	attr.target_fd = (uint32_t)ret->event_fd;
	ret->link_fd = link_create(&attr);
	return ret->link_fd >= 0 && ioctl(ret->event_fd, PERF_EVENT_IOC_ENABLE, 0) == 0;
}

static void perf_remove_one(struct perf_probe *probe)
{
	if (probe->link_fd >= 0)
		close(probe->link_fd);
	close(probe->event_fd);
	probe->active = false;
}

/* The active one with most hits; NULL when none is active. */
static struct perf_probe *perf_busiest(struct attachment *attachment, const uint64_t *hits)
{
	struct perf_probe *busiest = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < ABI_FUNC_MAX; i++) {
		uint64_t its = hits ? hits[i] : 0;

		if (!attachment->perf[i].active || (busiest && its <= most))
			continue;
		busiest = &attachment->perf[i];
		most = its;
	}
	return busiest;
}

static void remove_call_run(void *ctx)
{
	struct remove_call *r = ctx;
	struct perf_probe *probe;

	if (r->attachment->link_fd >= 0)
		close(r->attachment->link_fd);
	while ((probe = perf_busiest(r->attachment, r->hits)))
		perf_remove_one(probe);
}

static void perf_attach(struct attach_call *a)
{
	*a->attachment = (struct attachment){ .active = true, .link_fd = -1 };
	for (size_t i = 0; i < a->set->cnt && !a->os_errno; i++) {
		const struct probe *probe = &a->set->probe[i];

		if (!perf_attach_one(a, probe, &a->attachment->perf[probe->func]))
			a->os_errno = errno;
	}
	if (!a->os_errno)
		return;
	remove_call_run(&(struct remove_call){ .attachment = a->attachment });
	a->attachment->active = false;
}

static void attach_call_run(void *ctx)
{
	struct attach_call *a = ctx;

	if (a->target->how == TRACE_ATTACH_MULTI)
		multi_attach(a);
	else
		perf_attach(a);
}

/* ---- Attaching and removing ---- */

static struct err *perf_type_read(uint32_t *ret)
{
	static const char path[] = "/sys/bus/event_source/devices/uprobe/type";
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (!f || fscanf(f, "%" SCNu32, ret) != 1)
		return err_new(ERR_KERNEL, "this kernel has no uprobe events (%s)", path);
	return NULL;
}

/*
 * Brings the pages of code with probes into the page cache, as any reader does. Where they are not
 * there, the kernel reads them itself while it attaches, and ext4 of Linux 6.18 then warns and
 * taints the kernel (ext4_check_map_extents_env), which ends a host with panic_on_warn. What cannot
 * be read here fails to attach, too.
 */
static void pages_read_ahead(const char *path, const struct probe_set *set)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char insn[16]; /* the longest that is decoded, which may be on two pages */

	for (size_t i = 0; fd >= 0 && i < set->cnt; i++)
		(void)!pread(fd, insn, sizeof(insn), (off_t)set->probe[i].file_off);
}

struct err *attach_probes(const struct attach_target *target, const struct probe_set *set,
			  struct attachment *ret)
{
	struct attachment attachment;
	struct attach_call a = {
		.target = target,
		.set = set,
		.attachment = &attachment,
		.prog_fd = (uint32_t)bpf_program__fd(target->prog),
	};
	bool multi = target->how == TRACE_ATTACH_MULTI;
	struct err *err = multi ? NULL : perf_type_read(&a.perf_type);

	if (err)
		return err;
	pages_read_ahead(target->path, set);
	shelter_run(attach_call_run, &a);
	if (a.os_errno)
		return attach_err(a.os_errno, target->how);
	*ret = attachment;
	return NULL;
}

void attachment_remove(struct attachment *attachment, const uint64_t *hits)
{
	struct remove_call r = { attachment, hits };

	if (!attachment->active)
		return;
	shelter_run(remove_call_run, &r);
	*attachment = (struct attachment){ 0 };
}

/* ---- The self-test ---- */

/* Called through this pointer, so that the compiler does not inline the function. */
static void *selftest_thread(void *arg)
{
	return arg;
}
static void *(*volatile selftest_function)(void *arg) = selftest_thread;

struct own_code {
	uint64_t addr;
	uint64_t file_off;
	bool found;
};

/* Finds the file offset of an address in the main program, which is listed first. */
static int own_code_find(struct dl_phdr_info *info, size_t sz, void *ctx)
{
	struct own_code *code = ctx;

	(void)sz;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uint64_t off = code->addr - info->dlpi_addr - ph->p_vaddr;
		if (ph->p_type == PT_LOAD && off < ph->p_filesz) {
			code->file_off = ph->p_offset + off;
			code->found = true;
		}
	}
	return 1;
}

bool attach_own_code(const void *addr, uint64_t *file_off_ret)
{
	struct own_code code = { .addr = (uintptr_t)addr };

	dl_iterate_phdr(own_code_find, &code);
	*file_off_ret = code.file_off;
	return code.found;
}

static struct err *selftest_run(void)
{
	pthread_t thread;
	int failed = pthread_create(&thread, NULL, selftest_function, NULL);

	if (failed)
		return err_os(failed, "starting a thread");
	pthread_join(thread, NULL);
	return NULL;
}

struct err *attach_ahead(const struct attach_target *target, struct attachment *ret)
{
	struct attach_target self = {
		.how = target->how,
		.prog = target->prog,
		.pid = getpid(),
		.path = "/proc/self/exe",
	};
	struct probe_set set = { .cnt = 1 };

	if (!attach_own_code((const void *)(uintptr_t)selftest_function, &set.probe[0].file_off))
		return err_new(ERR_KERNEL, "no function of our own to put a probe on");
	return attach_probes(&self, &set, ret);
}

struct err *attach_selftest(const struct bpf_program *prog, const volatile __u64 *hits)
{
	struct attach_target self = {
		.how = TRACE_ATTACH_MULTI,
		.prog = prog,
		.pid = getpid(),
		.path = "/proc/self/exe",
	};
	struct probe_set set = { .cnt = 1 };
	struct attachment attachment;

	if (!attach_own_code((const void *)(uintptr_t)selftest_function, &set.probe[0].file_off))
		return err_new(ERR_KERNEL, "no function of our own to test uprobe_multi on");

	struct err *err = attach_probes(&self, &set, &attachment);
	if (err)
		return err;
	err = selftest_run();
	attachment_remove(&attachment, /* hits */ NULL);
	if (!err && *hits != 1)
		err = err_new(ERR_KERNEL, "uprobe_multi does not see all threads of a process");
	return err;
}
