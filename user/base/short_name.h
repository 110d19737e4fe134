/* SPDX-License-Identifier: GPL-2.0-only */
/* short_name.h - names of Go functions and types that fit on a line. */
#ifndef MAPTRACE_BASE_SHORT_NAME_H
#define MAPTRACE_BASE_SHORT_NAME_H

#include <stddef.h>

/*
 * Writes the name of a function or type for people, with only the last element of the
 * path of each package: "tsdb.(*Head).getOrCreate" for
 * "github.com/prometheus/prometheus/tsdb.(*Head).getOrCreate", but "klog/v2.Infof", because
 * "v2" alone says nothing. The name is cut to what the buffer holds.
 */
void name_short(const char *name, char *buf, size_t buf_sz);

#endif
