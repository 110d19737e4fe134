// SPDX-License-Identifier: GPL-2.0-only
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct err nomem = { .kind = ERR_NOMEM, .os_errno = ENOMEM, .msg = (char *)"out of memory" };

struct err *err_nomem(void)
{
	return &nomem;
}

/* Takes ownership of msg, which is NULL when formatting ran out of memory. */
static struct err *err_make(enum err_kind kind, int os_errno, uint64_t addr, char *msg)
{
	struct err *err = msg ? malloc(sizeof(*err)) : NULL;

	if (!err) {
		free(msg);
		return err_nomem();
	}
	*err = (struct err){ .kind = kind, .os_errno = os_errno, .addr = addr, .msg = msg };
	return err;
}

static char *err_format(const char *fmt, va_list ap)
{
	char *s;

	return vasprintf(&s, fmt, ap) < 0 ? NULL : s;
}

struct err *err_new(enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *msg = err_format(fmt, ap);
	va_end(ap);
	return err_make(kind, 0, 0, msg);
}

static enum err_kind err_kind_of_errno(int os_errno)
{
	switch (os_errno) {
	case ESRCH:
		return ERR_GONE;
	case EPERM:
	case EACCES:
		return ERR_PERM;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_OS;
	}
}

struct err *err_os(int os_errno, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	_cleanup_free_ char *what = err_format(fmt, ap);
	va_end(ap);

	char *msg = NULL;
	if (what && asprintf(&msg, "%s: %s", what, strerror(os_errno)) < 0)
		msg = NULL;
	return err_make(err_kind_of_errno(os_errno), os_errno, 0, msg);
}

struct err *err_fault(uint64_t addr, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *msg = err_format(fmt, ap);
	va_end(ap);
	return err_make(ERR_FAULT, EFAULT, addr, msg);
}

struct err *err_wrap(struct err *err, const char *fmt, ...)
{
	if (!err || err == &nomem)
		return err;

	va_list ap;

	va_start(ap, fmt);
	_cleanup_free_ char *what = err_format(fmt, ap);
	va_end(ap);

	char *msg;
	if (!what || asprintf(&msg, "%s: %s", what, err->msg) < 0)
		return err; /* the inner message alone still tells what happened */
	free(err->msg);
	err->msg = msg;
	return err;
}

void err_free(struct err *err)
{
	if (!err || err == &nomem)
		return;
	free(err->msg);
	free(err);
}

bool err_is(const struct err *err, enum err_kind kind)
{
	return err && err->kind == kind;
}

bool err_is_refusal(const struct err *err)
{
	return err_is(err, ERR_UNSUPPORTED) || err_is(err, ERR_FAULT) || err_is(err, ERR_FORMAT);
}

int err_exit_code(const struct err *err)
{
	if (!err)
		return EXIT_OK;
	switch (err->kind) {
	case ERR_USAGE:
		return EXIT_USAGE;
	case ERR_PERM:
		return EXIT_PERM;
	case ERR_GONE:
		return EXIT_GONE;
	case ERR_KERNEL:
		return EXIT_KERNEL;
	case ERR_DEADLINE:
	case ERR_OUTPUT:
		return EXIT_INCOMPLETE;
	case ERR_NOMEM:
	case ERR_OS:
	case ERR_FORMAT:
	case ERR_FAULT:
	case ERR_UNSUPPORTED:
	case ERR_STOPPED:
		break;
	}
	return EXIT_UNREADABLE;
}

const char *err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_NOMEM] = "out_of_memory",
		[ERR_OS] = "system_call",
		[ERR_USAGE] = "usage",
		[ERR_PERM] = "not_permitted",
		[ERR_FORMAT] = "format",
		[ERR_FAULT] = "unreadable_memory",
		[ERR_UNSUPPORTED] = "unsupported",
		[ERR_GONE] = "target_gone",
		[ERR_KERNEL] = "kernel",
		[ERR_STOPPED] = "interrupted",
		[ERR_DEADLINE] = "deadline",
		[ERR_OUTPUT] = "output",
	};

	return names[kind];
}
