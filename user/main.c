// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cmd/cmd.h"

static const struct verb {
	const char *name;
	struct err *(*run)(int argc, char **argv, int *exit_code_ret);
	const char *help;
} verbs[] = {
	{ "report", cmd_report,
	  "what the maps of a Go process hold, what happens to them, what to do" },
	{ "events", cmd_events,
	  "growths, memory calls and collections as they happen, as JSON lines" },
};

enum { VERB_CNT = sizeof(verbs) / sizeof(verbs[0]) };

static void print_usage(void)
{
	printf("Usage: maptrace VERB [OPTION...] PID\n\n");
	for (size_t i = 0; i < VERB_CNT; i++)
		printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
	printf("\n`maptrace VERB --help` lists the options of a verb.\n");
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	int exit_code = EXIT_OK;

	argv[0] = (char *)"maptrace"; /* getopt's messages start with it, as ours do */
	struct err *err = verb->run(argc, argv, &exit_code);
	if (err) {
		log_error("%s", err->msg);
		exit_code = err_exit_code(err);
		err_free(err);
	}
	return exit_code;
}

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?"))) {
		print_usage();
		return EXIT_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("maptrace %s\n", MAPTRACE_VERSION);
		return EXIT_OK;
	}
	for (size_t i = 0; argc > 1 && i < VERB_CNT; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return run_verb(&verbs[i], argc - 1, argv + 1);
	if (argc > 1)
		log_error("unknown verb '%s'; `maptrace --help` lists them", argv[1]);
	else
		log_error("which VERB? `maptrace --help` lists them");
	return EXIT_USAGE;
}
