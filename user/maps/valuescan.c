// SPDX-License-Identifier: GPL-2.0-only
#include "maps/valuescan.h"

#include <string.h>

#include "maps/buckets.h"
#include "maps/kinds.h"

/* Values of at least this many bytes may have pages that nobody ever wrote. */
enum { UNTOUCHED_MIN = 4096 };

struct err *value_scan_init(struct value_scan *s, struct heap *heap,
			    const struct residency *residency)
{
	*s = (struct value_scan){
		.heap = heap,
		.mem = &heap->prog->target->mem,
		.residency = residency,
		.ops = kinds_ops_of(heap),
		.buf = malloc(BUCKETS_READ_SZ),
		.heads = malloc(POINTEES * POINTEE_HEAD),
		.chunk = malloc(POINTEE_CHUNK),
	};
	return s->buf && s->heads && s->chunk ? NULL : err_nomem();
}

void value_scan_fini(struct value_scan *s)
{
	free(s->buf);
	free(s->heads);
	free(s->chunk);
}

void value_scan_begin(struct value_scan *s, const struct map_type *form, uint64_t left)
{
	s->form = form;
	s->tally = (struct value_tally){ 0 };
	s->left = left;
}

/* ---- values ---- */

static bool bytes_are_zero(const uint8_t *p, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		if (word)
			return false;
	}
	for (; len; p++, len--)
		if (*p)
			return false;
	return true;
}

/* Whether the part [off, off + len) of a value is zero, but for padding and blank fields. */
static bool value_part_is_zero(const struct map_type *form, const uint8_t *part, uint64_t off,
			       uint64_t len)
{
	if (!form->data_run_cnt)
		return bytes_are_zero(part, len);
	for (uint32_t i = 0; i < form->data_run_cnt; i++) {
		uint64_t from = form->data_runs[i].off, to = from + form->data_runs[i].len;

		from = from > off ? from - off : 0;
		to = to > off ? to - off : 0;
		if (to > len)
			to = len;
		if (from < to && !bytes_are_zero(part + from, to - from))
			return false;
	}
	return true;
}

/* Takes bytes off those that may be read; false when fewer are left. */
static bool value_scan_spend(struct value_scan *s, uint64_t bytes)
{
	if (bytes > s->left)
		return false;
	s->left -= bytes;
	s->bytes += bytes;
	return true;
}

/* Whether the rest of a value is zero, whose bytes before off are. Returns false when the rest is
 * more than may be read. */
static bool value_read_tail(struct value_scan *s, uint64_t addr, uint64_t off, bool *zero_ret)
{
	uint64_t size = s->form->pointee_sz;

	for (*zero_ret = true; off < size && *zero_ret; off += POINTEE_CHUNK) {
		uint32_t n = size - off < POINTEE_CHUNK ? size - off : POINTEE_CHUNK;
		struct mem_req req = { addr + off, n, false, s->chunk };

		if (!value_scan_spend(s, n))
			return false;
		s->err = residency_read(s->residency, s->mem, &req);
		if (s->err)
			return false;
		s->tally.unread += !req.ok;
		*zero_ret = req.ok && value_part_is_zero(s->form, s->chunk, off, n);
	}
	return true;
}

static bool is_value_object(const struct value_scan *s, uint64_t addr)
{
	struct object o;

	return heap_object(s->heap, addr, &o) && o.start == addr &&
	       o.slot + o.size - addr >= s->form->pointee_sz;
}

/* Bytes to look at first of each value. 0 for a large one, which may have pages that nobody wrote:
 * value_read_tail() leaves such pages alone. */
static uint32_t value_head_size(uint32_t size)
{
	if (size >= UNTOUCHED_MIN)
		return 0;
	return size < POINTEE_HEAD ? size : POINTEE_HEAD;
}

/* Looks at the values that were put off, in a few reads. */
static bool value_look_at_pointees(struct value_scan *s)
{
	uint32_t size = s->form->pointee_sz, head = value_head_size(size);
	struct mem_req reqs[POINTEES];
	size_t n = 0;
	bool go_on = true;

	for (size_t i = 0; i < s->pointee_cnt; i++) {
		if (is_value_object(s, s->pointees[i]))
			reqs[n++] = (struct mem_req){ s->pointees[i], head, false,
						      s->heads + i * POINTEE_HEAD };
		else
			s->tally.unread++;
	}
	s->pointee_cnt = 0;
	if (!n)
		return true;
	if (!value_scan_spend(s, (uint64_t)n * head))
		return false;
	if (head)
		s->err = mem_gather(s->mem, reqs, n);
	if (s->err)
		return false;
	for (size_t i = 0; i < n && go_on; i++) {
		bool ok = reqs[i].ok || !head;
		bool zero = ok && value_part_is_zero(s->form, reqs[i].dst, 0, head);

		s->tally.unread += !ok;
		if (zero)
			go_on = value_read_tail(s, reqs[i].addr, head, &zero);
		s->tally.zero += zero;
	}
	return go_on;
}

static bool value_look_at_slot(struct value_scan *s, const uint8_t *elem)
{
	s->tally.full++;
	if (!s->form->pointee_sz) {
		s->tally.zero += value_part_is_zero(s->form, elem, 0, s->form->slots.elem_sz);
		return true;
	}
	memcpy(&s->pointees[s->pointee_cnt++], elem, 8);
	return s->pointee_cnt < POINTEES || value_look_at_pointees(s);
}

/* A buckets_visit_fn. */
static bool value_look_at_buckets(void *ctx, const uint8_t *buckets, size_t n)
{
	struct value_scan *s = ctx;
	const struct map_type *form = s->form;
	bool go_on = value_scan_spend(s, n * form->bucket_sz);

	for (const uint8_t *b = buckets; go_on && n; n--, b += form->bucket_sz)
		for (unsigned int i = 0; go_on && i < BUCKET_SLOTS; i++)
			if (slot_is_full(s->ops, b[i]))
				go_on = value_look_at_slot(s, b + form->slots.elems_off +
								      i * form->slots.elem_stride);
	return go_on;
}

struct err *value_scan_range(struct value_scan *s, const struct buckets *b, uint64_t first,
			     uint64_t n, bool *whole_ret)
{
	struct bucket_visitor visitor = { value_look_at_buckets, s, s->buf };
	struct err *err = buckets_visit(b, first, n, &visitor, whole_ret);

	if (!err && *whole_ret && s->pointee_cnt)
		*whole_ret = value_look_at_pointees(s);
	s->pointee_cnt = 0;
	if (!err)
		err = take_ptr(s->err);
	return err;
}
