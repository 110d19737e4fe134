// SPDX-License-Identifier: GPL-2.0-only
#include "model/watched.h"

#include "model/result_words.h"
#include "trace/functions.h"

static const char *const probes_names[ABI_GROUP_CNT] = {
	[ABI_GROUP_HOT] = "hot",
	[ABI_GROUP_RARE] = "rare",
	[ABI_GROUP_MAKE] = "make",
};

void watched_init(struct watched *w, const struct trace *trace, bool without_hot, uint64_t start_ns)
{
	const struct trace_result *tr = trace_result(trace);
	size_t cnt;
	const struct trace_site *sites = trace_sites(trace, &cnt);

	*w = (struct watched){ .start_ns = start_ns };
	for (size_t i = 0; i < cnt && i < ABI_FUNC_MAX; i++) {
		bool wanted = !tr->groups[sites[i].group].missing &&
			      !(without_hot && sites[i].group == ABI_GROUP_HOT);

		if (wanted && sites[i].present && !sites[i].missing)
			w->probed |= UINT32_C(1) << i;
	}
}

static uint64_t since(uint64_t at_ns, uint64_t start_ns)
{
	return at_ns > start_ns ? at_ns - start_ns : 0;
}

static void window_add_op(struct watched_window *to, enum abi_op op)
{
	const char *name = map_op_words[op].name;

	for (size_t i = 0; i < to->operations.len; i++)
		if (to->names[i] == name)
			return;
	to->names[to->operations.len++] = name;
}

void watched_add(struct watched *w, const struct trace_window *window, struct watched_window *ret)
{
	uint64_t end_ns = window->start_ns + window->open_ns, before_ns = 0;

	*ret = (struct watched_window){
		.probes = probes_names[window->group],
		.from_ns = since(window->start_ns, w->start_ns),
		.watched_ns = window->open_ns,
		.stands_for_ns = window->span_ns,
		.missed_hits = window->late,
		.slowed_target = window->disturbed,
	};
	ret->operations.data = ret->names;
	for (size_t i = 0; i < map_function_cnt; i++) {
		if (!(window->funcs >> i & 1))
			continue;
		window_add_op(ret, map_functions[i].op);
		before_ns = w->ended_ns[i];
		w->ended_ns[i] = end_ns;
		w->watched_ns[i] += window->open_ns;
	}
	/* Functions of one window have had the same windows before. */
	ret->not_watched_ns = since(window->start_ns, before_ns ? before_ns : w->start_ns);
	w->missed_hits[window->group] += window->late;
}

static bool watched_sum_of(const struct watched *w, enum abi_group_id group, enum abi_op op,
			   uint64_t now_ns, struct watched_sum *ret)
{
	uint64_t all_ns = since(now_ns, w->start_ns), least_ns = all_ns;
	bool any = false;

	for (size_t i = 0; i < map_function_cnt; i++) {
		if (map_functions[i].group != group || map_functions[i].op != op ||
		    !(w->probed >> i & 1))
			continue;
		any = true;
		if (w->watched_ns[i] < least_ns)
			least_ns = w->watched_ns[i];
	}
	*ret = (struct watched_sum){ probes_names[group], map_op_words[op].name, least_ns,
				     all_ns - least_ns };
	return any;
}

size_t watched_sums(const struct watched *w, uint64_t now_ns,
		    struct watched_sum ret[WATCHED_SUMS_MAX])
{
	size_t cnt = 0;

	for (enum abi_group_id group = 0; group < ABI_GROUP_CNT; group++)
		for (enum abi_op op = 0; op < ABI_OP_CNT; op++)
			cnt += watched_sum_of(w, group, op, now_ns, &ret[cnt]);
	return cnt;
}
