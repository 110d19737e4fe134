// SPDX-License-Identifier: GPL-2.0-only
/* Records of the rings, as the kernel sends them (bpf/abi.h). */
#include "fuzz.h"

#include "trace/records.h"
#include "trace/sites.h"

static const struct trace_header_layout layouts[] = {
	{
		.kind = TRACE_MAP_CLASSIC,
		.header_sz = 48,
		.live_keys_off = 0,
		.seed_off = 12,
		.classic = { .b_off = 9, .noverflow_off = 10, .buckets_off = 16, .load_num = 13 },
	},
	{
		.kind = TRACE_MAP_SWISS,
		.header_sz = 48,
		.live_keys_off = 0,
		.seed_off = 8,
		.swiss = { .dir_ptr_off = 16,
			   .dir_len_off = 24,
			   .table_used_off = 0,
			   .table_capacity_off = 2,
			   .table_growth_left_off = 4 },
	},
};

/* The kind and the length are right in half of the inputs, so that these get further. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct sites no_sites;
	struct trace_record record;

	if (len < 1 + sizeof(struct abi_rec_hdr))
		return 0;
	size_t sz = len - 1;
	uint8_t *bytes = malloc(sz);
	memcpy(bytes, data + 1, sz);
	struct abi_rec_hdr *hdr = (void *)bytes;
	if (data[0] & 2) {
		hdr->kind %= 8;
		hdr->len = sz;
	}
	if (record_decode(bytes, sz, &layouts[data[0] & 1], &no_sites, &record))
		fuzz_expect(!record.is_window);
	free(bytes);
	return 0;
}
