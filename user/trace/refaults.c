// SPDX-License-Identifier: GPL-2.0-only
#include "trace/refaults.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "trace/calibrate.h"

/* The time that the program is assumed to take, until it has measured itself once. */
#define PRICE_GUESS_NS 100

struct err *refaults_init(struct refaults *r)
{
	r->result->missing = r->programs->refaults_missing;
	if (r->result->missing)
		return NULL;
	r->result->page_sz = (uint64_t)sysconf(_SC_PAGESIZE);
	r->givers = calloc(ABI_GIVERS, sizeof(*r->givers));
	return r->givers ? NULL : err_nomem();
}

void refaults_fini(struct refaults *r)
{
	free(r->givers);
	*r = (struct refaults){ 0 };
}

static double refaults_price(const struct refaults *r)
{
	const struct abi_fault_state *state = r->programs->fault_state;

	return r->call_ns +
	       (state->timed ? (double)state->timed_ns / (double)state->timed : PRICE_GUESS_NS);
}

double refaults_spent(const struct refaults *r)
{
	const struct abi_fault_state *state = r->programs->fault_state;

	return state ? (double)state->faults * refaults_price(r) : 0;
}

uint64_t refaults_allowed(const struct governor *g, double spent_ns, double price_ns, bool paused,
			  uint64_t now_ns)
{
	double left_ns = governor_budget(g, now_ns) / REFAULTS_PART - spent_ns;
	double least_ns = paused ? g->share * (double)NS_PER_S / REFAULTS_PART : 0;

	return left_ns > 0 && left_ns >= least_ns ? (uint64_t)(left_ns / price_ns) : 0;
}

static void refaults_detach(struct refaults *r, uint64_t now_ns)
{
	programs_detach_faults(r->programs);
	r->attached = false;
	r->result->watched_ns += now_ns - r->attached_at_ns;
}

/* Goes on without refaults; only a lack of memory is an error. */
static struct err *refaults_give_up(struct refaults *r, struct err *err, const char *missing)
{
	if (!err || err_is(err, ERR_NOMEM))
		return err;
	r->result->missing = missing;
	log_debug("%s", err->msg);
	err_free(err);
	return NULL;
}

struct err *refaults_calibrate(struct refaults *r)
{
	if (r->result->missing)
		return NULL;
	return refaults_give_up(r, calibrate_faults(r->programs, &r->call_ns),
				"the cost of watching page faults could not be measured");
}

static struct err *refaults_attach(struct refaults *r, uint64_t now_ns)
{
	struct err *err = programs_attach_faults(r->programs);

	r->attached = !err;
	r->attached_at_ns = now_ns;
	return refaults_give_up(r, err, "the kernel cannot attach to its page fault tracepoint");
}

struct err *refaults_step(struct refaults *r, uint64_t now_ns)
{
	struct abi_fault_state *state = r->programs->fault_state;

	if (r->result->missing)
		return NULL;

	uint64_t faults = __atomic_load_n(&state->faults, __ATOMIC_RELAXED);
	uint64_t allowed = refaults_allowed(r->governor, refaults_spent(r), refaults_price(r),
					    !r->attached, now_ns);
	bool full = r->attached && faults >= state->quota;

	if (full) {
		refaults_detach(r, now_ns);
		r->result->pauses++;
	} else if (r->attached || allowed) {
		__atomic_store_n(&state->quota, faults + allowed, __ATOMIC_RELAXED);
	}
	return full || r->attached || !allowed ? NULL : refaults_attach(r, now_ns);
}

void refaults_stop(struct refaults *r, uint64_t now_ns)
{
	if (r->attached)
		refaults_detach(r, now_ns);
}

struct err *refaults_publish(struct refaults *r, uint64_t now_ns, struct trace_refaults *ret,
			     struct trace_cost *cost)
{
	const struct abi_fault_state *state = r->programs->fault_state;

	*ret = *r->result;
	if (ret->missing)
		return NULL;
	if (r->attached)
		ret->watched_ns += now_ns - r->attached_at_ns;
	struct err *err =
		programs_read_refaults(r->programs, ret->ages, r->givers, &ret->giver_cnt);
	if (err)
		return err;
	for (size_t i = 0; i < ABI_AGE_BINS; i++)
		ret->faults += ret->ages[i];
	ret->givers = r->givers;
	ret->pages = state->watched_pages;
	for (size_t i = 0; i < ABI_UNWATCHED_CNT; i++)
		ret->unwatched_pages[i] = state->unwatched_pages[i];
	ret->voids = state->voids;
	cost->page_faults = state->faults;
	cost->any_fault_ns = r->call_ns;
	cost->fault_price_ns = state->faults ? refaults_price(r) : 0;
	cost->faults_ns = refaults_spent(r);
	return NULL;
}
