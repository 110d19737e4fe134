// SPDX-License-Identifier: GPL-2.0-only
#include "trace/calibrate.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "trace/attach.h"
#include "trace/functions.h"

enum {
	BATCHES = 9, /* the price is their median, because one may be disturbed */
	BATCH_CALLS = 250,
	FAULTS = PRICED_FUNCTION_CNT, /* the number that stands for page faults */
	FAULT_ROUNDS = 5, /* each with and without the page fault program; the median counts */
	ANSWER_MS = 2000, /* to wait for the child; a batch takes a few milliseconds */
};

static size_t priced_of(const struct trace_site *site)
{
	return priced_function_of(site->placement.kind, site->group);
}

/* ---- The child ---- */

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int compare_ns(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Maps memory whose pages each cause a fault at the first touch. */
static volatile char *pages_map(void)
{
	size_t sz = BATCH_CALLS * (size_t)sysconf(_SC_PAGESIZE);
	void *pages = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	/* It fails where there are no huge pages. */
	(void)madvise(pages, sz, MADV_NOHUGEPAGE);
	return pages;
}

static void pages_touch(volatile char *pages)
{
	size_t page_sz = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < BATCH_CALLS; i++)
		pages[i * page_sz] = 1;
}

static uint64_t batch_ns(size_t i, struct arch_stage *stage)
{
	volatile char *pages = i == FAULTS ? pages_map() : NULL;
	uint64_t start = cpu_ns();

	if (pages)
		pages_touch(pages);
	else
		arch_host()->call_priced(priced_function(i)->function, BATCH_CALLS, stage);
	uint64_t ns = cpu_ns() - start;
	if (pages)
		munmap((void *)pages, BATCH_CALLS * (size_t)sysconf(_SC_PAGESIZE));
	return ns;
}

static double batches_median_ns(size_t i, struct arch_stage *stage)
{
	double ns[BATCHES];

	for (int b = 0; b < BATCHES; b++)
		ns[b] = (double)batch_ns(i, stage) / BATCH_CALLS;
	qsort(ns, BATCHES, sizeof(*ns), compare_ns);
	return ns[BATCHES / 2];
}

/* Answers the number of each function with its price, until the parent closes the pipe. */
static _Noreturn void child_serve(pid_t parent, int in, int out)
{
	struct arch_stage stage = { .next = (uintptr_t)&stage };
	unsigned char i;

	/* The parent may have died before prctl() took effect. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	while (read(in, &i, 1) == 1 && i <= FAULTS) {
		double ns = batches_median_ns(i, &stage);
		if (write(out, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

/* ---- The parent ---- */

struct child {
	pid_t pid;
	int ask;
	int answer;
};

static struct err *child_start(struct child *ret)
{
	pid_t parent = getpid();
	int ask[2], answer[2];

	if (pipe2(ask, O_CLOEXEC))
		return err_os(errno, "making a pipe");
	if (pipe2(answer, O_CLOEXEC)) {
		int failed = errno;
		close(ask[0]);
		close(ask[1]);
		return err_os(failed, "making a pipe");
	}
	pid_t pid = fork();
	int failed = errno;
	if (pid == 0) {
		close(ask[1]);
		child_serve(parent, ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	if (pid < 0) {
		close(ask[1]);
		close(answer[0]);
		return err_os(failed, "starting a process");
	}
	*ret = (struct child){ .pid = pid, .ask = ask[1], .answer = answer[0] };
	return NULL;
}

static void child_end(struct child *child)
{
	close(child->ask);
	close(child->answer);
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static struct err *child_ask(const struct child *child, size_t i, double *ret_ns)
{
	struct pollfd fd = { .fd = child->answer, .events = POLLIN };
	unsigned char byte = (unsigned char)i;
	uint64_t end_ns = clock_ns() + ANSWER_MS * NS_PER_MS;
	int got = 0;

	if (write(child->ask, &byte, 1) != 1)
		return err_new(ERR_KERNEL, "the process that probes are measured on is gone");
	/* A signal for us does not end the wait. */
	while ((got = poll(&fd, 1, ANSWER_MS)) < 0 && errno == EINTR && clock_ns() < end_ns)
		;
	if (got <= 0 || read(child->answer, ret_ns, sizeof(*ret_ns)) != sizeof(*ret_ns))
		return err_new(ERR_KERNEL, "the process that probes are measured on says nothing");
	return NULL;
}

/* Asks for the price of each wanted function, with probes in place. */
static struct err *child_ask_all(const struct child *child, struct ring_buffer *rings,
				 const bool wanted[PRICED_FUNCTION_CNT],
				 double ns[PRICED_FUNCTION_CNT])
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < PRICED_FUNCTION_CNT; i++) {
		if (!wanted[i])
			continue;
		err = child_ask(child, i, &ns[i]);
		ring_buffer__consume(rings); /* skips the records, which are all thrown away */
	}
	return err;
}

static struct err *probes_fill(const bool wanted[PRICED_FUNCTION_CNT], struct probe_set *set)
{
	for (size_t i = 0; i < PRICED_FUNCTION_CNT; i++) {
		struct probe *probe = &set->probe[set->cnt];
		if (!wanted[i])
			continue;
		probe->func = (uint32_t)(ABI_PRICED_FIRST + i);
		if (!attach_own_code(priced_function(i)->probe, &probe->file_off))
			return err_new(ERR_KERNEL, "no code of our own to measure probes on");
		set->cnt++;
	}
	return NULL;
}

static void groups_open(struct abi_group *groups, bool open)
{
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		groups[i].hits = 0;
		groups[i].quota = open ? UINT32_MAX : 0;
		__atomic_store_n(&groups[i].open, open, __ATOMIC_RELEASE);
	}
}

static struct err *prices_measure(const struct programs *programs, struct ring_buffer *rings,
				  const struct child *child, const bool wanted[PRICED_FUNCTION_CNT],
				  double ns[PRICED_FUNCTION_CNT],
				  double late_ns[PRICED_FUNCTION_CNT])
{
	struct attach_target target = {
		.how = programs->mechanism,
		.prog = programs->priced_function,
		.pid = child->pid,
		.path = "/proc/self/exe",
	};
	struct probe_set set = { 0 };
	struct attachment attachment;
	struct err *err = probes_fill(wanted, &set);

	if (!err)
		err = attach_probes(&target, &set, &attachment);
	if (err)
		return err;
	groups_open(programs->groups, true);
	err = child_ask_all(child, rings, wanted, ns);
	groups_open(programs->groups, false);
	if (!err)
		err = child_ask_all(child, rings, wanted, late_ns);
	attachment_remove(&attachment, /* hits */ NULL);
	return err;
}

struct err *calibrate(const struct programs *programs, struct ring_buffer *rings,
		      const struct sites *sites, double ret_ns[ABI_FUNC_MAX],
		      double late_ret_ns[ABI_FUNC_MAX])
{
	bool wanted[PRICED_FUNCTION_CNT] = { 0 };
	double ns[PRICED_FUNCTION_CNT], late_ns[PRICED_FUNCTION_CNT];
	struct child child = { 0 };

	for (size_t i = 0; i < sites->cnt; i++) {
		if (!sites->site[i].missing)
			wanted[priced_of(&sites->site[i])] = true;
	}
	struct err *err = child_start(&child);
	if (err)
		return err;
	err = prices_measure(programs, rings, &child, wanted, ns, late_ns);
	child_end(&child);
	for (size_t i = 0; !err && i < sites->cnt; i++) {
		if (sites->site[i].missing)
			continue;
		ret_ns[i] = ns[priced_of(&sites->site[i])];
		late_ret_ns[i] = late_ns[priced_of(&sites->site[i])];
	}
	return err;
}

/* Measures with the program and without it in turn: whatever else slows faults down does so
 * in both. */
static struct err *faults_measure(struct programs *programs, const struct child *child,
				  double *ret_ns)
{
	double more_ns[FAULT_ROUNDS], without_ns, with_ns;
	struct err *err = NULL;

	for (int i = 0; !err && i < FAULT_ROUNDS; i++) {
		err = child_ask(child, FAULTS, &without_ns);
		if (!err)
			err = programs_attach_faults(programs);
		if (!err)
			err = child_ask(child, FAULTS, &with_ns);
		programs_detach_faults(programs);
		if (!err)
			more_ns[i] = with_ns - without_ns;
	}
	if (err)
		return err;
	qsort(more_ns, FAULT_ROUNDS, sizeof(*more_ns), compare_ns);
	*ret_ns = more_ns[FAULT_ROUNDS / 2] > 0 ? more_ns[FAULT_ROUNDS / 2] : 0;
	return NULL;
}

struct err *calibrate_faults(struct programs *programs, double *ret_ns)
{
	struct child child;
	struct err *err = child_start(&child);

	if (err)
		return err;
	err = faults_measure(programs, &child, ret_ns);
	child_end(&child);
	return err;
}
