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

enum {
	BATCHES = 9, /* the price is their median: a batch may be disturbed */
	BATCH_CALLS = 250,
	FAULTS = CALIBRATE_FUNC_CNT, /* the number that stands for page faults */
	FAULT_ROUNDS = 5, /* with and without the page fault program */
	ANSWER_MS = 2000, /* a batch takes a few milliseconds */
};

/* What the functions are called with: a map header, a g, and a frame, all in one. */
struct stage {
	uint64_t next; /* of the frame: itself. Of the g: the lower end of its stack */
	uint64_t ret; /* of the frame. Of the g: the upper end, so the map is not on it */
	uint64_t rest[8]; /* the stack check compares with a 0 in here */
};

#if defined(__x86_64__)

/* As the functions of Go begin: one of each kind of placement, twice. */
__asm__(".text\n"
	".macro priced_functions suffix\n"
	"priced_push_\\suffix:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	pop %rbp\n"
	"	ret\n"
	"priced_check_\\suffix:\n"
	"	cmp 0x10(%r14), %rsp\n"
	"priced_jump_\\suffix:\n"
	"	jbe 1f\n"
	"	ret\n"
	"1:	ret\n"
	".endm\n"
	"priced_functions op\n"
	"priced_functions event\n"
	/* priced_calls(function, number, stage) */
	"priced_calls:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	mov %rdi, %r12\n"
	"	mov %rsi, %r13\n"
	"	mov %rdx, %r14\n"
	"	mov %rdx, %rbp\n"
	"1:	mov %r14, %rax\n"
	"	mov %r14, %rbx\n"
	"	call *%r12\n"
	"	dec %r13\n"
	"	jnz 1b\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n");

extern const char priced_push_op[], priced_check_op[], priced_jump_op[];
extern const char priced_push_event[], priced_check_event[], priced_jump_event[];
void priced_calls(const char *function, uint64_t number, const struct stage *stage);

/* Where the call goes, and where the probe sits. */
static const struct {
	const char *function;
	const char *probe;
} priced[CALIBRATE_FUNC_CNT] = {
	[2 * PLACEMENT_PUSH] = { priced_push_op, priced_push_op },
	[2 * PLACEMENT_PUSH + 1] = { priced_push_event, priced_push_event },
	[2 * PLACEMENT_JUMP] = { priced_check_op, priced_jump_op },
	[2 * PLACEMENT_JUMP + 1] = { priced_check_event, priced_jump_event },
	[2 * PLACEMENT_ENTRY] = { priced_check_op, priced_check_op },
	[2 * PLACEMENT_ENTRY + 1] = { priced_check_event, priced_check_event },
};

#else
#error "the functions to calibrate with are not written for this architecture"
#endif

enum abi_group_id calibrate_group(size_t i)
{
	return i % 2 ? ABI_GROUP_RARE : ABI_GROUP_HOT;
}

static size_t priced_of(const struct trace_site *site)
{
	return 2 * site->placement.kind + (site->group != ABI_GROUP_HOT);
}

/* ---- The child ---- */

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Memory of which each page is a fault. */
static volatile char *pages_map(void)
{
	size_t sz = BATCH_CALLS * (size_t)sysconf(_SC_PAGESIZE);
	void *pages = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	/* Fails where there are no huge pages. */
	(void)madvise(pages, sz, MADV_NOHUGEPAGE);
	return pages;
}

static void pages_touch(volatile char *pages)
{
	size_t page_sz = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < BATCH_CALLS; i++)
		pages[i * page_sz] = 1;
}

static uint64_t batch_ns(size_t i, struct stage *stage)
{
	volatile char *pages = i == FAULTS ? pages_map() : NULL;
	uint64_t start = cpu_ns();

	if (pages)
		pages_touch(pages);
	else
		priced_calls(priced[i].function, BATCH_CALLS, stage);
	uint64_t ns = cpu_ns() - start;
	if (pages)
		munmap((void *)pages, BATCH_CALLS * (size_t)sysconf(_SC_PAGESIZE));
	return ns;
}

static double measure(size_t i, struct stage *stage)
{
	double ns[BATCHES];

	for (int b = 0; b < BATCHES; b++)
		ns[b] = (double)batch_ns(i, stage) / BATCH_CALLS;
	qsort(ns, BATCHES, sizeof(*ns), compare);
	return ns[BATCHES / 2];
}

/* Answers each number of a function with its price, until nobody asks any more. */
static _Noreturn void serve(pid_t parent, int in, int out)
{
	struct stage stage = { .next = (uintptr_t)&stage };
	unsigned char i;

	/* The parent may have died before the kernel knew our wish. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	while (read(in, &i, 1) == 1 && i <= FAULTS) {
		double ns = measure(i, &stage);
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
		serve(parent, ask[0], answer[1]);
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
	/* A signal for us is no reason to stop. */
	while ((got = poll(&fd, 1, ANSWER_MS)) < 0 && errno == EINTR && clock_ns() < end_ns)
		;
	if (got <= 0 || read(child->answer, ret_ns, sizeof(*ret_ns)) != sizeof(*ret_ns))
		return err_new(ERR_KERNEL, "the process that probes are measured on says nothing");
	return NULL;
}

/* Prices with probes in place. */
static struct err *ask_all(const struct child *child, struct ring_buffer *rings,
			   const bool wanted[CALIBRATE_FUNC_CNT], double ns[CALIBRATE_FUNC_CNT])
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < CALIBRATE_FUNC_CNT; i++) {
		if (!wanted[i])
			continue;
		err = child_ask(child, i, &ns[i]);
		ring_buffer__consume(rings); /* skips what was thrown away: all of it */
	}
	return err;
}

static struct err *probes_fill(const bool wanted[CALIBRATE_FUNC_CNT], struct probe_set *set)
{
	for (size_t i = 0; i < CALIBRATE_FUNC_CNT; i++) {
		struct probe *probe = &set->probe[set->cnt];
		if (!wanted[i])
			continue;
		probe->func = (uint32_t)(ABI_PRICED_FIRST + i);
		if (!attach_own_code(priced[i].probe, &probe->file_off))
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

static struct err *measure_on(const struct programs *programs, struct ring_buffer *rings,
			      const struct child *child, const bool wanted[CALIBRATE_FUNC_CNT],
			      double ns[CALIBRATE_FUNC_CNT], double late_ns[CALIBRATE_FUNC_CNT])
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
	err = ask_all(child, rings, wanted, ns);
	groups_open(programs->groups, false);
	if (!err)
		err = ask_all(child, rings, wanted, late_ns);
	attachment_remove(&attachment, /* heat */ NULL);
	return err;
}

struct err *calibrate(const struct programs *programs, struct ring_buffer *rings,
		      const struct sites *sites, double ret_ns[ABI_FUNC_MAX],
		      double late_ret_ns[ABI_FUNC_MAX])
{
	bool wanted[CALIBRATE_FUNC_CNT] = { 0 };
	double ns[CALIBRATE_FUNC_CNT], late_ns[CALIBRATE_FUNC_CNT];
	struct child child = { 0 };

	for (size_t i = 0; i < sites->cnt; i++) {
		if (!sites->site[i].missing)
			wanted[priced_of(&sites->site[i])] = true;
	}
	struct err *err = child_start(&child);
	if (err)
		return err;
	err = measure_on(programs, rings, &child, wanted, ns, late_ns);
	child_end(&child);
	for (size_t i = 0; !err && i < sites->cnt; i++) {
		if (sites->site[i].missing)
			continue;
		ret_ns[i] = ns[priced_of(&sites->site[i])];
		late_ret_ns[i] = late_ns[priced_of(&sites->site[i])];
	}
	return err;
}

/* Now with the program, now without: whatever else slows faults down does so in both. */
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
	qsort(more_ns, FAULT_ROUNDS, sizeof(*more_ns), compare);
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
