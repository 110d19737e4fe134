/* SPDX-License-Identifier: GPL-2.0-only */
/* amd64_maps.h - which variables have maps of which type; see arch.h. */
#ifndef MAPTRACE_ARCH_AMD64_MAPS_H
#define MAPTRACE_ARCH_AMD64_MAPS_H

#include <stddef.h>
#include <stdint.h>

struct code_map_calls;

void amd64_walk_map_vars(const uint8_t *code, size_t len, uint64_t addr,
			 const struct code_map_calls *calls);

#endif
