// SPDX-License-Identifier: GPL-2.0-only
#include "trace/attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "trace/capability.h"

/*
 * The arguments of BPF_LINK_CREATE for a uprobe_multi link, as in the kernel's
 * include/uapi/linux/bpf.h since Linux commit 89ae89f53d20 ("bpf: Add
 * multi uprobe link") (v6.6). Older headers and libbpf 1.1 do not have them.
 */
struct uprobe_multi_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_ctr_offsets;
	uint64_t cookies;
	uint32_t cnt;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t pad;
};
_Static_assert(sizeof(struct uprobe_multi_attr) == 64, "part of union bpf_attr");

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

static struct err *multi_attach(const struct attach_target *target, const struct probe_set *set,
				struct attachment *ret)
{
	uint64_t offsets[ABI_FUNC_MAX];
	uint64_t cookies[ABI_FUNC_MAX];
	struct uprobe_multi_attr attr = {
		.prog_fd = (uint32_t)bpf_program__fd(target->prog),
		.attach_type = ATTACH_TYPE_UPROBE_MULTI,
		.path = (uintptr_t)target->path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.cnt = (uint32_t)set->cnt,
		.pid = (uint32_t)target->pid,
	};

	for (size_t i = 0; i < set->cnt; i++) {
		offsets[i] = set->probe[i].file_off;
		cookies[i] = set->probe[i].func;
	}
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return attach_err(errno, "uprobe_multi");
	*ret = (struct attachment){ .active = true, .link_fd = fd };
	return NULL;
}

static struct err *perf_attach(const struct attach_target *target, const struct probe_set *set,
			       struct attachment *ret)
{
	struct attachment attached = { .active = true, .link_fd = -1 };

	for (size_t i = 0; i < set->cnt; i++) {
		const struct probe *probe = &set->probe[i];
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = probe->func);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(
			target->prog, target->pid, target->path, probe->file_off, &opts);
		if (!link) {
			int failed = errno;
			attachment_remove(&attached, /* heat */ NULL);
			return attach_err(failed, "perf event");
		}
		attached.link[probe->func] = link;
	}
	*ret = attached;
	return NULL;
}

struct err *attach_probes(const struct attach_target *target, const struct probe_set *set,
			  struct attachment *ret)
{
	return target->how == TRACE_ATTACH_MULTI ? multi_attach(target, set, ret)
						 : perf_attach(target, set, ret);
}

/* Takes the hottest link that is left out of the array; NULL when none is left. */
static struct bpf_link *hottest_link_take(struct attachment *attachment, const uint64_t *heat)
{
	struct bpf_link **hottest = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < ABI_FUNC_MAX; i++) {
		uint64_t hits = heat ? heat[i] : 0;
		if (!attachment->link[i] || (hottest && hits <= most))
			continue;
		hottest = &attachment->link[i];
		most = hits;
	}
	return hottest ? take_ptr(*hottest) : NULL;
}

void attachment_remove(struct attachment *attachment, const uint64_t *heat)
{
	struct bpf_link *link;

	if (!attachment->active)
		return;
	if (attachment->link_fd >= 0)
		close(attachment->link_fd);
	while ((link = hottest_link_take(attachment, heat)))
		bpf_link__destroy(link);
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
