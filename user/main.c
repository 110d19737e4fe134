// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/launch.h"
#include "cmd/select.h"
#include "process/layout.h"
#include "trace/host.h"

static const struct verb {
	const char *name;
	struct err *(*run)(int argc, char **argv, int *exit_code_ret);
	const char *help;
} verbs[] = {
	{ "report", cmd_report,
	  "what the maps of a Go process hold, what happens to them, what to do" },
	{ "events", cmd_events,
	  "growths, memory calls and collections as they happen, as JSON lines" },
	{ "diff", cmd_diff, "what changed between two reports, or since one" },
	{ "top", cmd_top, "the maps of a process on the screen, look after look" },
	{ "record", cmd_record, "a report again and again, the newest ones in a directory" },
	{ "ps", cmd_ps, "the Go programs that run on this host" },
	{ "doctor", cmd_doctor, "what works on this host and with a process, and what does not" },
};

enum { VERB_CNT = sizeof(verbs) / sizeof(verbs[0]), VERB_NAME_MAX = 16 };

static void print_usage(void)
{
	printf("Usage: maptrace VERB [OPTION...] PROCESS\n"
	       "       maptrace [OPTION...] PROCESS      the same as `maptrace report`\n"
	       "       maptrace VERB [OPTION...] -- COMMAND [ARGUMENT...]\n\n");
	for (size_t i = 0; i < VERB_CNT; i++)
		printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
	printf("\nPROCESS is a PID, the name of a command, unit:NAME of systemd, container:ID or "
	       "pod:UID.\nA COMMAND is started and looked at until it ends; its exit code is "
	       "ours.\n"
	       "`maptrace help VERB` lists the options of a verb.\n");
}

static const char *mechanism_name(enum trace_attach how)
{
	return how == TRACE_ATTACH_MULTI ? "by uprobe_multi" : "by perf events";
}

/* What a report rests on here. Whether probes work is tried out, as `maptrace doctor` does. */
static int print_version(void)
{
	unsigned int first, last;
	struct trace_host host;
	struct err *err = trace_host_try(&host);

	if (err) {
		int exit_code = err_exit_code(err);

		log_error("%s", err->msg);
		err_free(err);
		return exit_code;
	}
	layout_known_minors(&first, &last);
	printf("maptrace %s\nlibbpf   %s\n", MAPTRACE_VERSION, libbpf_version_string());
	printf("Go       1.%u to 1.%u have layouts of their own\n", first, last);
	printf("probes   %s\n", host.maps_missing ? host.maps_missing : mechanism_name(host.how));
	trace_host_fini(&host);
	return EXIT_OK;
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
	} else if (exit_code == EXIT_USAGE) { /* getopt has said what is wrong */
		log_error("`maptrace %s --help` lists the options", verb->name);
	}
	return exit_code;
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < VERB_CNT; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* How many letters have to be added, dropped or replaced to make a verb's name of a word. */
static unsigned int verb_distance(const char *name, const char *word)
{
	unsigned int row[VERB_NAME_MAX + 1], len = strlen(name);

	for (unsigned int i = 0; i <= len; i++)
		row[i] = i;
	for (unsigned int w = 1; word[w - 1]; w++) {
		unsigned int diagonal = row[0];

		row[0] = w;
		for (unsigned int i = 1; i <= len; i++) {
			unsigned int best = diagonal + (name[i - 1] != word[w - 1]);

			diagonal = row[i];
			if (row[i] + 1 < best)
				best = row[i] + 1;
			row[i] = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
		}
	}
	return row[len];
}

/* The verb that a word was probably meant to be; NULL: none is near. */
static const struct verb *verb_near(const char *word)
{
	if (strlen(word) > 2 * VERB_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < VERB_CNT; i++)
		if (strlen(verbs[i].name) > 3 && verb_distance(verbs[i].name, word) <= 2)
			return &verbs[i];
	return NULL;
}

static int run_help(int argc, char **argv)
{
	const struct verb *verb = argc > 2 ? verb_find(argv[2]) : NULL;
	char *help[] = { argv[0], (char *)"--help", NULL };

	if (verb)
		return run_verb(verb, 2, help);
	print_usage();
	if (argc > 2)
		log_error("there is no verb '%s'", argv[2]);
	return argc > 2 ? EXIT_USAGE : EXIT_OK;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

/* The first word is not a verb: it belongs to a report, unless it looks like a slip. */
static int run_default(int argc, char **argv)
{
	const struct verb *near = verb_near(argv[1]);

	if (near && !select_is_process(argv[1]) && *argv[1] != '-') {
		log_error("unknown verb '%s': did you mean %s?", argv[1], near->name);
		return EXIT_USAGE;
	}
	return run_verb(verb_find("report"), argc, argv);
}

/* For what no verb looks after, such as the text of --help. */
static void check_output(int exit_code, void *arg)
{
	(void)arg;
	if (exit_code || (!fflush(stdout) && !ferror(stdout)))
		return;
	log_error("writing the output: %s", strerror(errno));
	_exit(EXIT_INCOMPLETE);
}

/* A descriptor of ours must not become 0, 1 or 2, where others read or write. What is put there
 * instead fails when it is used. */
static void fill_closed_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* We hold what the target knows: nobody shall find it in a core file, nor read it here. */
static void keep_secrets(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int run_command_line(int argc, char **argv)
{
	keep_secrets();
	on_exit(check_output, NULL);
	if (argc < 2) {
		log_error("which VERB, or which process? `maptrace --help` lists the verbs");
		return EXIT_USAGE;
	}
	if (is_one_of(argv[1], "--help", "-h", "-?")) {
		print_usage();
		return EXIT_OK;
	}
	if (is_one_of(argv[1], "--version", "-V", "version")) {
		return print_version();
	}
	if (!strcmp(argv[1], "help"))
		return run_help(argc, argv);

	const struct verb *verb = verb_find(argv[1]);
	return verb ? run_verb(verb, argc - 1, argv + 1) : run_default(argc, argv);
}

int main(int argc, char **argv)
{
	fill_closed_descriptors();

	int dash = launch_find(argc, argv);
	return dash ? launch(dash, argv, run_command_line) : run_command_line(argc, argv);
}
