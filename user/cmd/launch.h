/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * launch.h - a verb for a command that maptrace starts itself: maptrace VERB -- COMMAND...
 *
 * Three processes: the command; the verb, which looks at it as at any other process; and this
 * one, which owns both, passes signals on, and ends as the command does.
 */
#ifndef MAPTRACE_CMD_LAUNCH_H
#define MAPTRACE_CMD_LAUNCH_H

/* The index of "--" if words follow it; 0: the command line starts no command. */
int launch_find(int argc, char **argv);

/*
 * Starts the command after argv[dash] and, in a process of its own, run() with what is before
 * that and the command's PID; what run() returns is the exit code of that process. Returns the
 * exit code of the command, or EXIT_USAGE if it could not be started, or if run() did not
 * understand its options: then the command gets SIGTERM. Ends by the signal that ended the
 * command, if one did.
 */
int launch(int dash, char **argv, int (*run)(int argc, char **argv));

#endif
