/* SPDX-License-Identifier: GPL-2.0-only */
/* short_name.h - Go names as people read them. */
#ifndef MAPTRACE_BASE_SHORT_NAME_H
#define MAPTRACE_BASE_SHORT_NAME_H

#include <stddef.h>

/*
 * A function or type without the directories of its packages:
 * "tsdb.(*Head).getOrCreate" for "github.com/prometheus/prometheus/tsdb.(*Head)...", but
 * "klog/v2.Infof" where the last element is only a version. Cut to what the buffer holds.
 */
void name_short(const char *name, char *buf, size_t buf_sz);

#endif
