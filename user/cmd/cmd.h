/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd.h - the verbs: one function for each first word on the command line.
 *
 * Each parses its own arguments; argv[0] starts getopt's messages. A verb returns an error,
 * which the caller prints and frees, or NULL. *exit_code_ret holds EXIT_OK before the call;
 * the verb changes it when the process has to end with another code. It counts only if
 * there is no error.
 */
#ifndef MAPTRACE_CMD_CMD_H
#define MAPTRACE_CMD_CMD_H

#include "base/err.h"

struct err *cmd_diff(int argc, char **argv, int *exit_code_ret);
struct err *cmd_doctor(int argc, char **argv, int *exit_code_ret);
struct err *cmd_events(int argc, char **argv, int *exit_code_ret);
struct err *cmd_ps(int argc, char **argv, int *exit_code_ret);
struct err *cmd_record(int argc, char **argv, int *exit_code_ret);
struct err *cmd_report(int argc, char **argv, int *exit_code_ret);
struct err *cmd_top(int argc, char **argv, int *exit_code_ret);

#endif
