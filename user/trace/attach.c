// SPDX-License-Identifier: GPL-2.0-only
#include "trace/attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
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

static struct err *attach_err(int os_errno, const char *how)
{
	switch (os_errno) {
	case EPERM:
	case EACCES:
		return capability_err("attaching probes");
	case ENOENT: /* the file's path is below /proc/PID, where it ends before the process */
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

/* ---- Sheltered: calls of the kernel, and nothing else ---- */

struct attaching {
	const struct attach_target *target;
	const struct probe_set *set;
	struct attachment *attachment;
	uint32_t prog_fd;
	uint32_t perf_type; /* of uprobe events */
	int os_errno; /* 0: all probes are in */
};

struct removing {
	struct attachment *attachment;
	const uint64_t *heat;
};

static int create_link(const struct link_attr *attr)
{
	return (int)syscall(SYS_bpf, BPF_LINK_CREATE, attr, sizeof(*attr));
}

static void multi_attach(struct attaching *a)
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
	int fd = create_link(&attr);
	a->os_errno = fd < 0 ? errno : 0;
	*a->attachment = (struct attachment){ .active = fd >= 0, .link_fd = fd };
}

/* One probe: an event, and a link of the program to it. */
static bool perf_attach_one(struct attaching *a, const struct probe *probe, struct perf_probe *ret)
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
	ret->link_fd = create_link(&attr);
	return ret->link_fd >= 0 && ioctl(ret->event_fd, PERF_EVENT_IOC_ENABLE, 0) == 0;
}

static void perf_remove_one(struct perf_probe *probe)
{
	if (probe->link_fd >= 0)
		close(probe->link_fd);
	close(probe->event_fd);
	probe->active = false;
}

/* The hottest one that is left; NULL when none is. */
static struct perf_probe *hottest(struct attachment *attachment, const uint64_t *heat)
{
	struct perf_probe *hottest = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < ABI_FUNC_MAX; i++) {
		uint64_t hits = heat ? heat[i] : 0;

		if (!attachment->perf[i].active || (hottest && hits <= most))
			continue;
		hottest = &attachment->perf[i];
		most = hits;
	}
	return hottest;
}

static void remove_all(void *ctx)
{
	struct removing *r = ctx;
	struct perf_probe *probe;

	if (r->attachment->link_fd >= 0)
		close(r->attachment->link_fd);
	while ((probe = hottest(r->attachment, r->heat)))
		perf_remove_one(probe);
}

static void perf_attach(struct attaching *a)
{
	*a->attachment = (struct attachment){ .active = true, .link_fd = -1 };
	for (size_t i = 0; i < a->set->cnt && !a->os_errno; i++) {
		const struct probe *probe = &a->set->probe[i];

		if (!perf_attach_one(a, probe, &a->attachment->perf[probe->func]))
			a->os_errno = errno;
	}
	if (!a->os_errno)
		return;
	remove_all(&(struct removing){ .attachment = a->attachment });
	a->attachment->active = false;
}

static void attach_all(void *ctx)
{
	struct attaching *a = ctx;

	if (a->target->how == TRACE_ATTACH_MULTI)
		multi_attach(a);
	else
		perf_attach(a);
}

/* ---- Attaching and removing ---- */

static struct err *read_perf_type(uint32_t *ret)
{
	static const char path[] = "/sys/bus/event_source/devices/uprobe/type";
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (!f || fscanf(f, "%" SCNu32, ret) != 1)
		return err_new(ERR_KERNEL, "this kernel has no uprobe events (%s)", path);
	return NULL;
}

struct err *attach_probes(const struct attach_target *target, const struct probe_set *set,
			  struct attachment *ret)
{
	struct attachment attachment;
	struct attaching a = {
		.target = target,
		.set = set,
		.attachment = &attachment,
		.prog_fd = (uint32_t)bpf_program__fd(target->prog),
	};
	bool multi = target->how == TRACE_ATTACH_MULTI;
	struct err *err = multi ? NULL : read_perf_type(&a.perf_type);

	if (err)
		return err;
	shelter_run(attach_all, &a);
	if (a.os_errno)
		return attach_err(a.os_errno, multi ? "uprobe_multi" : "perf event");
	*ret = attachment;
	return NULL;
}

void attachment_remove(struct attachment *attachment, const uint64_t *heat)
{
	struct removing r = { attachment, heat };

	if (!attachment->active)
		return;
	shelter_run(remove_all, &r);
	*attachment = (struct attachment){ 0 };
}

/* ---- The self-test ---- */

/* Calls come through this pointer, so that the compiler keeps the function whole. */
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

/* Finds the file offset of an address of the main program, the first one listed. */
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
	attachment_remove(&attachment, /* heat */ NULL);
	if (!err && *hits != 1)
		err = err_new(ERR_KERNEL, "uprobe_multi does not see all threads of a process");
	return err;
}
