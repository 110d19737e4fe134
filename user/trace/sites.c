// SPDX-License-Identifier: GPL-2.0-only
#include "trace/sites.h"

#include "base/err.h"
#include "base/log.h"
#include "trace/functions.h"

static struct err *site_place(const struct trace_opts *opts, const struct trace_func *func,
			      struct trace_site *site)
{
	struct err *err =
		placement_find(opts->machine, func->code, func->code_sz, &site->placement);

	if (err_is(err, ERR_FORMAT)) {
		log_warn_err(err, "%s is not probed", site->name);
		site->missing = "its code cannot be decoded";
		return NULL;
	}
	if (err)
		return err;
	if (site->placement.leaves_trace) {
		site->missing = "a probe there would leave a mapping in the process for good";
		return NULL;
	}
	site->probe_addr = func->addr + site->placement.off;
	site->probe_file_off = func->file_off + site->placement.off;
	return NULL;
}

static struct err *site_find(const struct trace_opts *opts, const struct map_function *function,
			     struct trace_site *site)
{
	struct trace_func func = { 0 };
	struct err *err = opts->find_func(opts->find_ctx, function->name, &func);

	if (err)
		return err_wrap(err, "looking for %s", function->name);
	*site = (struct trace_site){
		.name = function->name,
		.op = function->op,
		.group = function->group,
		.present = func.present,
		.func_addr = func.addr,
		.func_size = func.size,
	};
	if (!func.present) {
		site->missing = "the program does not have it";
		return NULL;
	}
	return site_place(opts, &func, site);
}

struct err *sites_find(const struct trace_opts *opts, struct sites *ret)
{
	struct sites sites = { .cnt = map_function_cnt };

	for (size_t i = 0; i < sites.cnt; i++) {
		struct err *err = site_find(opts, &map_functions[i], &sites.site[i]);
		if (err)
			return err;
		if (!sites.site[i].missing)
			sites.probed++;
	}
	*ret = sites;
	return NULL;
}

bool sites_contain(const struct sites *sites, uint64_t addr)
{
	for (size_t i = 0; i < sites->cnt; i++) {
		const struct trace_site *site = &sites->site[i];
		if (site->present && addr - site->func_addr < site->func_size)
			return true;
	}
	return false;
}
