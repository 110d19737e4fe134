/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * err.h - the only error type.
 *
 * A function that can fail returns `struct err *`. NULL is success; the caller owns anything else
 * and either returns it or frees it with err_free(). Results leave through `*ret` parameters,
 * which a failed call does not touch. The kind decides the exit code of the program (see
 * err_exit_code()).
 */
#ifndef MAPTRACE_BASE_ERR_H
#define MAPTRACE_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

enum err_kind {
	ERR_NOMEM, /* our own allocation failed */
	ERR_OS, /* a system call failed for a reason that has no kind here */
	ERR_USAGE, /* the command line is wrong */
	ERR_PERM, /* not permitted; the message names what is missing */
	ERR_FORMAT, /* bytes of the target do not follow their format */
	ERR_FAULT, /* an address of the target cannot be read */
	ERR_UNSUPPORTED, /* the target is of a kind that we do not know */
	ERR_GONE, /* the target exited, or became another program */
	ERR_KERNEL, /* the kernel lacks something that we need */
	ERR_STOPPED, /* a signal asked us to end; the verb decides what that means */
	ERR_DEADLINE, /* the time was over before there was a result */
	ERR_OUTPUT, /* what we print cannot be written */
};

/* Exit codes of maptrace; part of its interface (docs/manual.md, "Exit codes"). */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FINDINGS = 1,
	EXIT_USAGE = 2,
	EXIT_PERM = 3,
	EXIT_UNREADABLE = 4,
	EXIT_GONE = 5,
	EXIT_KERNEL = 6,
	EXIT_INCOMPLETE = 7, /* the deadline ended it, or the output could not be written */
};

struct err {
	enum err_kind kind;
	int os_errno; /* 0 where no system call failed */
	uint64_t addr; /* ERR_FAULT: the address in the target */
	char *msg;
};

struct err *err_new(enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Like err_new(), and appends the meaning of os_errno. ESRCH becomes ERR_GONE,
 * EPERM and EACCES become ERR_PERM, ENOMEM becomes ERR_NOMEM, else ERR_OS. */
struct err *err_os(int os_errno, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Says that an address of the target could not be read. */
struct err *err_fault(uint64_t addr, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* The error for a failed malloc(); it needs no memory itself. */
struct err *err_nomem(void) __attribute__((warn_unused_result));

/* Puts what the caller was doing before the message: "reading spans: <old message>". */
struct err *err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Frees err; NULL is fine. */
void err_free(struct err *err);
DEFINE_CLEANUP_PTR(struct err *, err_free, cleanup_err)
#define _cleanup_err_ _cleanup_(cleanup_err)

/* True when err has this kind; false for NULL. */
bool err_is(const struct err *err, enum err_kind kind);

/* True when err says that a part of the target cannot be read as what it should be, so that
 * the caller may go on without that part: ERR_UNSUPPORTED, ERR_FAULT or ERR_FORMAT. */
bool err_is_refusal(const struct err *err);

int err_exit_code(const struct err *err);

/* A word for programs: "not_permitted", "target_gone", ... */
const char *err_kind_name(enum err_kind kind);

#endif
