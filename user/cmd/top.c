// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/terminal.h"
#include "base/units.h"
#include "cmd/args.h"
#include "cmd/look.h"
#include "cmd/screen.h"
#include "cmd/select.h"
#include "report/json_read.h"
#include "report/report.h"
#include "report/top_page.h"

enum {
	OPT_TOP_EVERY = 256,
	OPT_TOP_ONCE,
	OPT_TOP_SORT,
	OPT_TOP_FILTER,
	OPT_TOP_MAPS,
	TOP_PATH_SZ = 64,
	TOP_MESSAGE_SZ = 256,
	TOP_PAGE = 10, /* rows of PgUp and PgDn */
	TOP_ONCE_ROWS = 1000000,
};

#define TOP_EVERY_NS (10 * NS_PER_S)
#define TOP_WATCH_MOST_NS (10 * NS_PER_S)

struct top_args {
	struct args common;
	uint64_t every_ns;
	uint64_t duration_ns;
	bool duration_set;
	bool once;
	struct top_view view;
};

static const struct argp_option top_options[] = {
	{ "every", OPT_TOP_EVERY, "TIME", 0,
	  "From the start of a look to that of the next (default 10s)", 0 },
	{ "duration", 'd', "TIME", 0,
	  "Watch the process for TIME in each look (default: half of --every, at most 10s; 0: take "
	  "a census only)",
	  0 },
	{ "sort", OPT_TOP_SORT, "COLUMN", 0,
	  "Sort by a column, most first: tables, keys, slots, load, back, retained, maps, ins/s, "
	  "del/s, gain/s (default: tables)",
	  0 },
	{ "filter", OPT_TOP_FILTER, "TEXT", 0, "Show only rows with TEXT in their type or holder",
	  0 },
	{ "maps", OPT_TOP_MAPS, NULL, 0, "Show single maps, not groups of them", 0 },
	{ "once", OPT_TOP_ONCE, NULL, 0, "Print the screen once, as text, after one look", 0 },
	{ 0 },
};

static const char top_doc[] =
	"Shows the maps of a process on the screen, look after look.\v"
	"Keys: h lists them. The screen shows the groups, or the 1,000 largest maps.\n\n"
	"Exit codes: 0 it was ended; 5 the process went away; others as for report.\n\n"
	"Examples:\n"
	"  maptrace top prometheus\n"
	"  maptrace top --every 5s --duration 0 --sort gain/s 4182\n"
	"  maptrace top --once --filter sessions 4182\n";

/* ---- the command line ---- */

static struct err *parse_top_every(struct top_args *o, const char *arg)
{
	struct err *err = args_duration("every", arg, &o->every_ns);

	if (!err && o->every_ns < NS_PER_S)
		err = err_new(ERR_USAGE, "--every: a second is the least");
	return err;
}

static struct err *parse_sort(struct top_args *o, const char *arg)
{
	for (int i = 0; i < TOP_COLUMN_CNT; i++)
		if (!strcmp(top_column_names[i], arg)) {
			o->view.sort = (enum top_column)i;
			return NULL;
		}
	return err_new(ERR_USAGE, "--sort: there is no column '%s' (--help lists them)", arg);
}

static struct err *parse_filter(struct top_args *o, const char *arg)
{
	if (strlen(arg) >= sizeof(o->view.filter))
		return err_new(ERR_USAGE, "--filter: at most %d bytes", TOP_FILTER_SZ - 1);
	snprintf(o->view.filter, sizeof(o->view.filter), "%s", arg);
	return NULL;
}

static struct err *top_check(struct top_args *o)
{
	if (!o->common.pid)
		return err_new(ERR_USAGE, "which process? give its PID or name");
	if (!o->duration_set)
		o->duration_ns = o->every_ns / 2 < TOP_WATCH_MOST_NS ? o->every_ns / 2
								     : TOP_WATCH_MOST_NS;
	if (o->duration_ns > o->every_ns && !o->once)
		return err_new(ERR_USAGE, "--duration is longer than --every");
	return NULL;
}

static error_t parse_top_key(int key, char *arg, struct argp_state *state)
{
	struct top_args *o = state->input;
	struct args *a = &o->common;

	switch (key) {
	case ARGP_KEY_INIT:
		args_quiet(state);
		return 0;
	case 'd':
		o->duration_set = true;
		return args_fail(a, args_duration("duration", arg, &o->duration_ns));
	case OPT_TOP_EVERY:
		return args_fail(a, parse_top_every(o, arg));
	case OPT_TOP_SORT:
		return args_fail(a, parse_sort(o, arg));
	case OPT_TOP_FILTER:
		return args_fail(a, parse_filter(o, arg));
	case OPT_TOP_MAPS:
		o->view.single = true;
		return 0;
	case OPT_TOP_ONCE:
		o->once = true;
		return 0;
	case ARGP_KEY_ARG:
		return args_fail(a, a->pid ? err_new(ERR_USAGE, "one process at a time, please")
					   : select_process(arg, &a->pid));
	case ARGP_KEY_END:
		return args_fail(a, top_check(o));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- looks ---- */

struct top_run {
	struct top_args *o;
	struct trails trails;
	struct top_state state;
	struct sheet sheet;
	sigset_t before; /* signals that were blocked */
	pid_t child; /* that looks; 0: there is none */
	int draft; /* the file that it writes to, and its messages: they have no name */
	int messages;
	uint64_t next_ns; /* when the next look begins */
	int exit_code;
	bool ends;
	char message[TOP_MESSAGE_SZ];
};

static void top_tell(struct top_run *run, const char *text)
{
	snprintf(run->message, sizeof(run->message), "%s", text);
	run->state.message = *text ? run->message : NULL;
}

static struct err *top_open(struct top_run *run)
{
	run->draft = memfd_create("report", MFD_CLOEXEC);
	if (run->draft >= 0 && !run->o->once)
		run->messages = memfd_create("messages", MFD_CLOEXEC);
	return run->draft < 0 || (run->messages < 0 && !run->o->once)
		       ? err_os(errno, "memfd_create")
		       : NULL;
}

static void top_empty(int file)
{
	if (file >= 0 && !ftruncate(file, 0))
		lseek(file, 0, SEEK_SET);
}

/* The first look is short, so that there is something to see. */
static struct err *top_look(struct top_run *run)
{
	struct look_request look = {
		.pid = run->o->common.pid,
		.duration_ns = run->state.looks || run->o->once ? run->o->duration_ns : 0,
		.json = "-",
		.output = run->draft,
		.messages = run->messages,
		.signals = &run->before,
	};

	top_empty(run->draft);
	top_empty(run->messages);
	run->state.looking = true;
	return look_start(&look, &run->child);
}

/* The last line of what the look had to say. */
static void top_take_messages(struct top_run *run)
{
	char text[TOP_MESSAGE_SZ] = "";
	off_t size = lseek(run->messages, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0;
	ssize_t len = pread(run->messages, text, sizeof(text) - 1, from);

	text[len > 0 ? len : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	top_tell(run, text);
}

static struct err *top_take_report(struct top_run *run)
{
	struct result *r = NULL;
	char path[TOP_PATH_SZ];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", run->draft);
	struct err *err = result_read_file(path, &r);
	if (err)
		return err;
	result_free(run->state.r);
	run->state.r = r;
	run->state.looks++;
	top_note(&run->trails, r, clock_ns());
	return NULL;
}

/* A target that went away ends it: the last look stays to be seen. */
static void top_finish_look(struct top_run *run, int status)
{
	int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_INCOMPLETE;
	off_t size = lseek(run->draft, 0, SEEK_END);
	struct err *err = NULL;

	run->child = 0;
	run->state.looking = false;
	top_tell(run, "");
	if (exit_code != EXIT_OK && run->messages >= 0)
		top_take_messages(run);
	if (size > 0)
		err = top_take_report(run);
	if (err && exit_code == EXIT_OK)
		top_tell(run, err->msg);
	err_free(err);
	run->exit_code = exit_code;
	if (exit_code != EXIT_OK && exit_code != EXIT_INCOMPLETE)
		run->next_ns = UINT64_MAX;
}

static void top_reap(struct top_run *run)
{
	int status = 0;

	if (run->child && waitpid(run->child, &status, WNOHANG) == run->child)
		top_finish_look(run, status);
}

/* ---- keys ---- */

static void top_save(struct top_run *run)
{
	char name[TOP_PATH_SZ], text[TOP_MESSAGE_SZ];
	time_t now = time(NULL);
	struct tm tm;

	if (!run->state.r || !gmtime_r(&now, &tm))
		return;
	int len = snprintf(name, sizeof(name), "maptrace-%d-", run->o->common.pid);
	strftime(name + len, sizeof(name) - (size_t)len, "%Y%m%dT%H%M%SZ.json", &tm);
	/* What it says of a process is for its owner. */
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct err *err = out ? report_json(run->state.r, out) : err_os(errno, "%s", name);
	if (out && fclose(out) && !err)
		err = err_os(errno, "%s", name);
	snprintf(text, sizeof(text), "%s%s", err ? "" : "written: ", err ? err->msg : name);
	top_tell(run, text);
	err_free(err);
}

static void top_key_filter(struct top_view *v, int key)
{
	size_t len = strlen(v->filter);

	if (key == SCREEN_ENTER || key == SCREEN_ESCAPE)
		v->filtering = false;
	if (key == SCREEN_ESCAPE)
		v->filter[0] = 0;
	else if (key == SCREEN_BACKSPACE && len)
		v->filter[len - 1] = 0;
	else if (key >= ' ' && key < 0x7f && len + 1 < sizeof(v->filter))
		memcpy(v->filter + len, (char[2]){ (char)key }, 2);
}

static void top_move(struct top_view *v, long by)
{
	v->moved = true;
	v->selected = by < 0 && v->selected < (size_t)-by ? 0 : v->selected + (size_t)by;
}

static void top_key_move(struct top_view *v, int key)
{
	switch (key) {
	case SCREEN_UP:
	case 'k':
		top_move(v, -1);
		break;
	case SCREEN_DOWN:
	case 'j':
		top_move(v, 1);
		break;
	case SCREEN_PAGE_UP:
		top_move(v, -TOP_PAGE);
		break;
	case SCREEN_PAGE_DOWN:
		top_move(v, TOP_PAGE);
		break;
	case SCREEN_HOME:
		v->moved = true;
		v->selected = 0;
		break;
	case SCREEN_END:
		top_move(v, TOP_ONCE_ROWS);
		break;
	default:
		break;
	}
}

static void top_back(struct top_view *v)
{
	if (v->page == TOP_LIST)
		v->filter[0] = 0;
	v->page = TOP_LIST;
}

static void top_key_view(struct top_view *v, int key)
{
	switch (key) {
	case SCREEN_ESCAPE:
		top_back(v);
		break;
	case SCREEN_ENTER:
		v->page = v->page == TOP_LIST ? TOP_DETAILS : TOP_LIST;
		break;
	case 'h':
	case '?':
		v->page = v->page == TOP_HELP ? TOP_LIST : TOP_HELP;
		break;
	case '<':
		v->sort = (v->sort + TOP_COLUMN_CNT - 1) % TOP_COLUMN_CNT;
		break;
	case '>':
		v->sort = (v->sort + 1) % TOP_COLUMN_CNT;
		break;
	case 'r':
		v->reverse = !v->reverse;
		break;
	case 'm':
		v->single = !v->single;
		v->moved = true;
		v->selected = 0;
		break;
	case '/':
		v->filtering = true;
		v->page = TOP_LIST;
		break;
	default:
		top_key_move(v, key);
	}
}

static void top_key(struct top_run *run, int key)
{
	struct top_view *v = &run->o->view;

	if (run->child || run->next_ns != UINT64_MAX)
		top_tell(run, "");
	if (v->filtering) {
		top_key_filter(v, key);
	} else if (key == 'q') {
		run->ends = true;
	} else if (key == 'p' || key == ' ') {
		run->state.paused = !run->state.paused;
	} else if (key == 'w') {
		top_save(run);
	} else {
		top_key_view(v, key);
	}
}

/* ---- the screen ---- */

static void top_show(struct top_run *run)
{
	sheet_clear(&run->sheet);
	run->sheet.columns = screen_columns();
	run->sheet.utf8 = screen_has_utf8();
	top_draw(&run->sheet, &run->state, &run->o->view, screen_lines());
	screen_show(&run->sheet);
}

static void top_signal(struct top_run *run, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			screen_resize();
		else if (info.ssi_signo != SIGCHLD)
			run->ends = true;
	}
	top_reap(run);
}

static int top_wait_ms(const struct top_run *run)
{
	uint64_t now = clock_ns();

	if (run->child || run->state.paused || run->next_ns == UINT64_MAX)
		return -1;
	return run->next_ns <= now ? 0 : (int)((run->next_ns - now) / NS_PER_MS) + 1;
}

static void top_wait(struct top_run *run, int signals)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };

	if (poll(fds, 2, top_wait_ms(run)) < 0)
		return;
	if (fds[1].revents)
		top_signal(run, signals);
	if (fds[0].revents & (POLLHUP | POLLERR))
		run->ends = true;
	else if (fds[0].revents)
		for (int key = screen_key(); key != SCREEN_NOTHING; key = screen_key())
			top_key(run, key);
}

static bool top_is_due(const struct top_run *run)
{
	return !run->child && !run->state.paused && clock_ns() >= run->next_ns;
}

static struct err *top_loop(struct top_run *run, int signals)
{
	struct err *err = NULL;

	while (!err && !run->ends) {
		if (top_is_due(run)) {
			run->next_ns = clock_ns() + (run->state.looks ? run->o->every_ns : 0);
			err = top_look(run);
		}
		top_show(run);
		if (!err)
			top_wait(run, signals);
	}
	return err;
}

/* Nothing is left behind: the look ends with us, within the second that it takes at most. */
static void top_end_look(struct top_run *run)
{
	if (!run->child)
		return;
	kill(run->child, SIGTERM);
	waitpid(run->child, NULL, 0);
}

static struct err *top_on_screen(struct top_run *run)
{
	sigset_t signals;
	struct err *err = screen_open();

	if (err)
		return err;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGWINCH);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &run->before);
	_cleanup_close_ int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	err = fd < 0 ? err_os(errno, "signalfd") : top_loop(run, fd);
	screen_close();
	top_end_look(run);
	return err;
}

/* ---- one look ---- */

static struct err *top_as_text(struct top_run *run)
{
	int status = 0;

	sigprocmask(SIG_SETMASK, NULL, &run->before);
	struct err *err = top_look(run);
	if (err)
		return err;
	while (waitpid(run->child, &status, 0) < 0 && errno == EINTR)
		;
	top_finish_look(run, status);
	if (!run->state.r)
		return NULL;
	setlocale(LC_CTYPE, "");
	run->sheet.columns = terminal_columns(stdout);
	run->sheet.utf8 = screen_has_utf8();
	top_draw(&run->sheet, &run->state, &run->o->view, 0);
	sheet_print(&run->sheet, stdout);
	return NULL;
}

static struct err *run_top(struct top_args *o, int *exit_code_ret)
{
	struct top_run run = { .o = o, .draft = -1, .messages = -1 };

	run.state.trails = &run.trails;
	run.state.every_ns = o->every_ns;
	signal(SIGCHLD, SIG_DFL);
	struct err *err = top_open(&run);
	if (!err)
		err = o->once ? top_as_text(&run) : top_on_screen(&run);
	if (!err && run.exit_code != EXIT_INCOMPLETE)
		*exit_code_ret = run.exit_code;
	if (!err && !o->once && run.exit_code != EXIT_OK && run.state.message)
		log_error("%s", run.state.message);
	sheet_fini(&run.sheet);
	trails_fini(&run.trails);
	result_free(run.state.r);
	if (run.draft >= 0)
		close(run.draft);
	if (run.messages >= 0)
		close(run.messages);
	return err;
}

struct err *cmd_top(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp argp = { top_options, parse_top_key, "PROCESS", top_doc,
					  NULL,	       NULL,	      NULL };
	struct top_args o = { .every_ns = TOP_EVERY_NS };

	if (args_parse(&argp, "maptrace top", argc, argv, &o))
		return run_top(&o, exit_code_ret);
	*exit_code_ret = EXIT_USAGE;
	return o.common.err;
}
