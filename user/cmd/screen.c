// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Functions instead of macros, so that names such as `lines` stay ours. */
#define NCURSES_NOMACROS
#include <ncurses.h>

enum { SCREEN_ESCAPE_MS = 25, SCREEN_PAIR = 1 };

/* The process that has the screen; 0: it is not open. A child inherits what runs at exit(). */
static pid_t screen_owner;

/* Colours of the styles that have one; the first eight are on every terminal with colours. */
static const struct {
	enum sheet_style style;
	short front, back;
	attr_t attributes;
} screen_styles[] = {
	{ SHEET_GOOD, COLOR_GREEN, -1, A_BOLD },
	{ SHEET_WARN, COLOR_YELLOW, -1, A_BOLD },
	{ SHEET_BAD, COLOR_RED, -1, A_BOLD },
	{ SHEET_SEGMENT, COLOR_BLACK, COLOR_GREEN, 0 },
	{ SHEET_SEGMENT + 1, COLOR_WHITE, COLOR_RED, 0 },
	{ SHEET_SEGMENT + 2, COLOR_BLACK, COLOR_CYAN, 0 },
	{ SHEET_SEGMENT + 3, COLOR_WHITE, COLOR_MAGENTA, 0 },
	{ SHEET_SEGMENT + 4, COLOR_BLACK, COLOR_YELLOW, 0 },
	{ SHEET_SEGMENT + 5, COLOR_WHITE, COLOR_BLUE, 0 },
	{ SHEET_SEGMENT + 6, COLOR_BLACK, COLOR_WHITE, 0 },
	{ SHEET_SEGMENT + 7, COLOR_WHITE, COLOR_BLACK, 0 },
	{ SHEET_SEGMENT + 8, COLOR_BLACK, COLOR_MAGENTA, 0 },
};

enum { SCREEN_STYLES = sizeof(screen_styles) / sizeof(screen_styles[0]) };

static attr_t screen_attributes[SHEET_CNT] = {
	[SHEET_BOLD] = A_BOLD,
	[SHEET_DIM] = A_DIM,
	[SHEET_HEADER] = A_REVERSE,
	[SHEET_SELECTED] = A_REVERSE | A_BOLD,
};

static void screen_colours(void)
{
	const char *none = getenv("NO_COLOR");

	if ((none && *none) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	for (size_t i = 0; i < SCREEN_STYLES; i++) {
		short pair = (short)(SCREEN_PAIR + i);

		init_pair(pair, screen_styles[i].front, screen_styles[i].back);
		screen_attributes[screen_styles[i].style] = COLOR_PAIR(pair) |
							    screen_styles[i].attributes;
	}
}

struct err *screen_open(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_new(ERR_USAGE, "this is no terminal: use --once");
	setlocale(LC_CTYPE, "");
	/* initscr() ends the process if the terminal is unknown. */
	SCREEN *screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return err_new(ERR_USAGE, "the terminal '%s' is not known: use --once",
			       getenv("TERM") ? getenv("TERM") : "");
	screen_owner = getpid();
	atexit(screen_close);
	screen_colours();
	cbreak();
	noecho();
	curs_set(0);
	set_escdelay(SCREEN_ESCAPE_MS);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	return NULL;
}

void screen_close(void)
{
	if (screen_owner == getpid())
		endwin();
	screen_owner = 0;
}

void screen_resize(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

int screen_columns(void)
{
	return getmaxx(stdscr);
}

int screen_lines(void)
{
	return getmaxy(stdscr);
}

bool screen_has_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void screen_show(const struct sheet *s)
{
	int line = 0;

	werase(stdscr);
	wmove(stdscr, 0, 0);
	for (size_t i = 0; i < s->runs.len && line < screen_lines(); i++) {
		const struct sheet_run *run = &s->runs.data[i];

		wattrset(stdscr, (int)screen_attributes[run->style]);
		waddstr(stdscr, run->text);
		if (run->ends_line)
			wmove(stdscr, ++line, 0);
	}
	wattrset(stdscr, A_NORMAL);
	wrefresh(stdscr);
}

int screen_key(void)
{
	static const struct {
		int curses;
		int ours;
	} keys[] = {
		{ ERR, SCREEN_NOTHING },
		{ KEY_UP, SCREEN_UP },
		{ KEY_DOWN, SCREEN_DOWN },
		{ KEY_PPAGE, SCREEN_PAGE_UP },
		{ KEY_NPAGE, SCREEN_PAGE_DOWN },
		{ KEY_HOME, SCREEN_HOME },
		{ KEY_END, SCREEN_END },
		{ KEY_ENTER, SCREEN_ENTER },
		{ '\n', SCREEN_ENTER },
		{ '\r', SCREEN_ENTER },
		{ KEY_BACKSPACE, SCREEN_BACKSPACE },
		{ '\b', SCREEN_BACKSPACE },
		{ 0x7f, SCREEN_BACKSPACE },
		{ 0x1b, SCREEN_ESCAPE },
	};
	int key = wgetch(stdscr);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].curses == key)
			return keys[i].ours;
	return key > 0 && key < 0x100 ? key : SCREEN_OTHER;
}
