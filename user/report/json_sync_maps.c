// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member sync_map_members[] = {
	JSON_ADDRESS("address", result_sync_map, addr,
		     "Of the sync.Map, or of what has the root of another trie."),
	JSON_WORD("kind", result_sync_map, kind, result_sync_kind, sync_kind_words,
		  "What it is: a sync.Map, of package unique, or another trie."),
	JSON_WORD("form", result_sync_map, form, result_sync_form, sync_form_words,
		  "What it is made of: two maps (up to Go 1.23), or a trie."),
	JSON_TEXT("type", result_sync_map, type, 0,
		  "Of a trie: the types of its keys and values; null: not known, or of maps."),
	JSON_POINTER("holder", result_sync_map, holder, result_holder, 0,
		     "What it is a part of; null: not known."),
	JSON_BOOL("moving", result_sync_map, moving, "It changed while it was read."),
	JSON_U64("live_keys", result_sync_map, live_keys, "Keys that Load() finds."),
	JSON_U64("deleted_keys", result_sync_map, deleted_keys,
		 "Keys that were deleted, and take memory all the same."),
	JSON_U64("nodes", result_sync_map, nodes, "Nodes of a trie, its entries not counted."),
	JSON_ADDRESS("read_map", result_sync_map, read_map,
		     "The header of its read-only map; null: there is none."),
	JSON_ADDRESS("dirty_map", result_sync_map, dirty_map,
		     "The header of its dirty map; null: there is none."),
	JSON_U64("bytes", result_sync_map, bytes,
		 "Bytes of tables or nodes, and of entries; keys and values do not count."),
	JSON_U64("gives_back_bytes", result_sync_map, gives_back_bytes,
		 "Of them: what a new sync.Map with the live keys does not take."),
	JSON_U64("deleted_key_bytes", result_sync_map, deleted_key_bytes,
		 "Bytes of the deleted keys, without what they lead to."),
};
const struct json_shape result_sync_map_json = JSON_SHAPE(
	result_sync_map, "sync_map", "A sync.Map, or what is like one.", sync_map_members);
