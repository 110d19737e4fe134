// SPDX-License-Identifier: GPL-2.0-only
#include "base/gzip.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>

enum { GZIP_BLOCK_SZ = 64 << 10 };

static ssize_t gzip_read(void *cookie, char *buf, size_t len)
{
	int got = gzread(cookie, buf, len > GZIP_BLOCK_SZ ? GZIP_BLOCK_SZ : (unsigned int)len);

	if (got < 0)
		errno = EIO;
	return got;
}

static int gzip_close(void *cookie)
{
	return gzclose(cookie) == Z_OK ? 0 : -1;
}

FILE *gzip_open(const char *path)
{
	gzFile in = gzopen(path, "re");
	FILE *f =
		in ? fopencookie(in, "r",
				 (cookie_io_functions_t){ .read = gzip_read, .close = gzip_close })
		   : NULL;

	if (in && !f)
		gzclose(in);
	return f;
}

static struct err *gzip_copy(FILE *in, gzFile out, const char *name)
{
	char block[GZIP_BLOCK_SZ];
	size_t got;

	while ((got = fread(block, 1, sizeof(block), in)) > 0)
		if (gzwrite(out, block, (unsigned int)got) != (int)got)
			return err_new(ERR_OUTPUT, "writing %s: %s", name, strerror(errno));
	return ferror(in) ? err_os(EIO, "reading it again") : NULL;
}

struct err *gzip_file(const char *from, const char *part, const char *to)
{
	_cleanup_fclose_ FILE *in = fopen(from, "re");
	gzFile out = in ? gzopen(part, "we") : NULL;

	if (!in)
		return err_os(errno, "%s", from);
	if (!out)
		return err_new(ERR_OUTPUT, "writing %s: %s", part, strerror(errno));
	struct err *err = gzip_copy(in, out, part);
	if (gzclose(out) != Z_OK && !err)
		err = err_new(ERR_OUTPUT, "writing %s: %s", part, strerror(errno));
	if (!err && rename(part, to))
		err = err_new(ERR_OUTPUT, "writing %s: %s", to, strerror(errno));
	if (err)
		(void)unlink(part);
	return err;
}
