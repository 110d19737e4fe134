// SPDX-License-Identifier: GPL-2.0-only
#include "trace/shelter.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK_SZ = 64 << 10 };

struct shelter_call {
	void (*fn)(void *arg);
	void *arg;
};

/* The child uses errno and the like of our thread, which sleeps (CLONE_VFORK). */
static int shelter_child(void *ctx)
{
	const struct shelter_call *call = ctx;

	setpgid(0, 0);
	call->fn(call->arg);
	return 0; /* clone() then ends the process */
}

void shelter_run(void (*fn)(void *arg), void *arg)
{
	_Alignas(64) char stack[STACK_SZ];
	struct shelter_call call = { fn, arg };
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = clone(shelter_child, stack + sizeof(stack),
			  CLONE_VM | CLONE_FILES | CLONE_VFORK, &call);
	if (pid < 0)
		fn(arg);
	else
		waitpid(pid, NULL, __WALL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
