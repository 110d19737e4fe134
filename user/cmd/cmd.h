/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd.h - the verbs. Each parses its own arguments (argv[0] is for messages) and
 * either fails, or sets the exit code.
 */
#ifndef MAPTRACE_CMD_CMD_H
#define MAPTRACE_CMD_CMD_H

#include "base/err.h"

struct err *cmd_events(int argc, char **argv, int *exit_code_ret);
struct err *cmd_report(int argc, char **argv, int *exit_code_ret);

#endif
