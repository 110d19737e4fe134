/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * select.h - which process the user means.
 *
 *	4182			its pid
 *	prometheus		the name of its executable, or of its main thread
 *	unit:prometheus		its systemd unit
 *	container:3f2a9c	the id of its container, or the start of it
 *	pod:0a1b2c3d-...	the uid of its Kubernetes pod, or the start of it
 *
 * All but the pid are looked for among the Go programs of this host.
 */
#ifndef MAPTRACE_CMD_SELECT_H
#define MAPTRACE_CMD_SELECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* ERR_USAGE when no process is meant, or several are: then the message lists them. */
struct err *select_process(const char *text, pid_t *ret);

/* Whether the text can only be meant for a process: a number, or one of the prefixes above. */
bool select_is_process(const char *text);

#endif
