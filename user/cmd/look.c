// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/look.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmd.h"

enum { LOOK_PID_SZ = 16, LOOK_TIME_SZ = 32 };

#define LOOK_TOP "1000" /* maps in a report */

static int look_report(const struct look_request *look)
{
	char pid[LOOK_PID_SZ], json[PATH_MAX + sizeof("--json=")], duration[LOOK_TIME_SZ];
	char *argv[] = { (char *)"maptrace",
			 (char *)"--duration",
			 duration,
			 (char *)"--top",
			 (char *)LOOK_TOP,
			 (char *)"--fail-on",
			 (char *)"never",
			 json,
			 pid,
			 NULL };
	int exit_code = EXIT_OK;

	snprintf(pid, sizeof(pid), "%d", look->pid);
	snprintf(json, sizeof(json), "--json=%s", look->json);
	snprintf(duration, sizeof(duration), "%.3fs", (double)look->duration_ns / (double)NS_PER_S);
	struct err *err = cmd_report(sizeof(argv) / sizeof(argv[0]) - 1, argv, &exit_code);
	if (!err)
		return exit_code;
	log_error("%s", err->msg);
	return err_exit_code(err);
}

static _Noreturn void look_child(const struct look_request *look, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent)
		_exit(EXIT_INCOMPLETE);
	if (look->output >= 0 && dup2(look->output, STDOUT_FILENO) < 0)
		_exit(EXIT_INCOMPLETE);
	if (look->messages >= 0 && dup2(look->messages, STDERR_FILENO) < 0)
		_exit(EXIT_INCOMPLETE);
	sigprocmask(SIG_SETMASK, look->signals, NULL);
	exit(look_report(look));
}

struct err *look_start(const struct look_request *look, pid_t *child_ret)
{
	pid_t parent = getpid();
	pid_t child = fork();

	if (child < 0)
		return err_os(errno, "fork");
	if (!child)
		look_child(look, parent);
	*child_ret = child;
	return NULL;
}
