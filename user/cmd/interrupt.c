// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/interrupt.h"

#include <signal.h>

volatile bool interrupted;
static volatile sig_atomic_t signal_no;

static void on_signal(int sig)
{
	signal_no = sig;
	interrupted = true;
}

void interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

void interrupt_now(void)
{
	interrupted = true;
}

void interrupt_end(void)
{
	if (signal_no)
		raise(signal_no); /* its action is the default one by now */
}
