/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * holders.h - who holds each map: what the pointer to its header is a part of.
 *
 *	roots: data, bss, frames  \
 *	objects with pointers     -> referrers.h -> a word that leads to a header -> named here
 *
 * The holder of a map is the nearest thing that has a name: a field of a struct, a package
 * variable, another map whose values are maps, a frame. A word that only passes the pointer on,
 * such as a variable of the map's type that escaped to the heap, is followed to what points to it.
 *
 * The heap moves while it is read. A holder is believed only if the map's header is still one, and
 * if the object that has the word is in use. What does not follow from the memory is guessed, and
 * says so.
 */
#ifndef MAPTRACE_GRAPH_HOLDERS_H
#define MAPTRACE_GRAPH_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "graph/objtypes.h"
#include "graph/sync_maps.h"
#include "maps/census.h"

enum holder_kind {
	HOLDER_NONE,
	HOLDER_FIELD, /* of a struct on the heap */
	HOLDER_ELEMENT, /* of an array or a slice */
	HOLDER_CHANNEL, /* in its buffer */
	HOLDER_INTERFACE, /* a pointer to the map is in an interface that nothing else names */
	HOLDER_CLOSURE, /* a variable that a function captured */
	HOLDER_MAP, /* a value of another map */
	HOLDER_VARIABLE, /* of a package, or a part of one */
	HOLDER_FRAME, /* a variable in a frame of a goroutine */
	HOLDER_OBJECT, /* an object whose type is not known */
	HOLDER_KIND_CNT,
};

enum { HOLDER_USERS_MAX = 3 };

/* Texts have full names of packages; whoever shows them shortens them. They belong to the struct
 * holders. Equal holders are one object. */
struct holder {
	enum holder_kind kind;
	/*
	 * In one line:
	 *	*github.com/prometheus/prometheus/scrape.scrapeCache.seriesPrev
	 *	map[string]map[string][]storage.SeriesRef[*]
	 *	github.com/gogo/protobuf/proto.<var> used by RegisterType, writeProto3Any
	 *	main.mk.func1 (closure)
	 *	goroutine 12 main.worker
	 */
	const char *text;
	const char *type; /* what has the field, the elements or the values; NULL: not known */
	const char *field; /* from the start of that type: "store.shards[*].items"; NULL: none */
	const char *package; /* of a variable; NULL: not known, or it is something else */
	const char *function; /* of a frame or closure; NULL: not known, or it is something else */
	const char *used_by[HOLDER_USERS_MAX]; /* functions that refer to the variable */
	uint32_t used_by_cnt;
	bool certain; /* false: a guess */
	uint32_t candidates; /* how many fit; 1: only this one */
	/* The address of the map type that the field, element or value has; 0: it does not say. */
	uint64_t map_type;
	bool map_type_sure; /* map_type is certain, even if the rest is a guess */
};

struct reach;

struct holders_opts {
	const struct reach *reach; /* what is garbage; NULL: not known */
	const volatile bool *stop; /* end early when it becomes true; NULL: never */
	uint64_t budget_ns; /* what is not found by then stays unknown; 0: no limit */
	/* Keep what paths_take() needs. Then heap and census must outlive the result, too. */
	bool keep;
};

enum holders_status {
	HOLDERS_OK,
	HOLDERS_PARTIAL, /* the budget ended, or something could not be read: reason says what */
	HOLDERS_FAILED, /* there are no holders, reason says why */
};

struct holders_cost {
	enum holders_status status;
	const char *reason; /* NULL: HOLDERS_OK. Belongs to the struct holders */
	uint64_t duration_ns;
	uint64_t bytes_read;
	uint64_t peak_bytes; /* of our own memory, about */
	uint64_t maps_held; /* maps that have a holder */
	uint64_t maps_certain; /* those of them that are certain */
};

struct holders;

/*
 * Finds the holders of the maps of a census, which has to be as new as possible. Fails only if the
 * target is gone, memory ran out, or `stop` was set; all else is in holders_cost(). heap and census
 * must outlive the call, not the result. Free with holders_free().
 */
struct err *holders_take(struct heap *heap, const struct census *census,
			 const struct holders_opts *opts, struct holders **ret);
void holders_free(struct holders *h);
DEFINE_CLEANUP_PTR(struct holders *, holders_free, cleanup_holders)
#define _cleanup_holders_ _cleanup_(cleanup_holders)

/* The holder of a map by its row in the census; NULL: none was found. */
const struct holder *holders_of(const struct holders *h, size_t row);

/* The number of different holders, and the i-th of them. */
size_t holders_cnt(const struct holders *h);
const struct holder *holders_get(const struct holders *h, size_t i);

/* The number of a map's holder, below holders_cnt(); HOLDERS_NO_HOLDER: none was found. */
#define HOLDERS_NO_HOLDER UINT32_MAX
uint32_t holders_number(const struct holders *h, size_t row);

/* The other objects of the heap by type. */
const struct objtypes *holders_objtypes(const struct holders *h);

/* The sync.Maps, with their holders by number; none if the search ended before. */
const struct sync_maps *holders_sync_maps(const struct holders *h);

/* A map that a word on the stack of a goroutine leads to, or whose header is there. */
struct held_in_frame {
	uint32_t row; /* of the census */
	uint64_t g; /* the address of the goroutine's runtime.g */
};

/* Sets *ret to the list of these; each map is there once. Returns their number. */
size_t holders_in_frames(const struct holders *h, const struct held_in_frame **ret);

/*
 * What tells a map from others that have an equal holder, as far as it is the same in each process
 * of a build; HOLDERS_NO_PLACE: nothing does. By kind of the holder:
 *	variable:	the word, counted from the start of the variables of its module
 *	array, field:	the index in the outermost array
 *	closure:	the word
 *	map:		the row of the map that has this one as a value
 */
#define HOLDERS_NO_PLACE UINT32_MAX
uint32_t holders_place(const struct holders *h, size_t row);

struct holders_cost holders_cost(const struct holders *h);

#endif
