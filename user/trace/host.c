// SPDX-License-Identifier: GPL-2.0-only
#include "trace/host.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "trace/kernel_faults.h"
#include "trace/programs.h"

enum { HOST_RING_SZ = 4096 };

/* Keeps the reason, and frees err. */
static struct err *host_lacks(struct err *err, char **ret)
{
	if (!err)
		return NULL;
	*ret = strdup(err->msg);
	err_free(err);
	return *ret ? NULL : err_nomem();
}

static struct err *host_copy(const char *reason, char **ret)
{
	*ret = reason ? strdup(reason) : NULL;
	return *ret || !reason ? NULL : err_nomem();
}

/* That the program is loaded does not say that the kernel lets it be attached. */
static struct err *host_try_memcalls(const struct programs *programs, struct trace_host *host)
{
	struct err *err = programs_attach_memcalls(programs);

	programs_detach_memcalls(programs);
	return host_lacks(err, &host->memcalls_missing);
}

static struct err *host_try_loaded(const struct programs *programs, struct trace_host *host)
{
	struct err *err = host_copy(programs->maps_missing, &host->maps_missing);

	host->how = programs->mechanism;
	host->memcalls_by = programs->memcalls_by;
	if (!err)
		err = host_copy(programs->memcalls_missing, &host->memcalls_missing);
	if (!err && !host->memcalls_missing)
		err = host_try_memcalls(programs, host);
	if (!err)
		err = host_copy(host->memcalls_missing ? host->memcalls_missing
						       : programs->refaults_missing,
				&host->refaults_missing);
	return err;
}

/* Nothing could be loaded; the error is that of the first part. */
static struct err *host_lacks_all(struct err *err, struct trace_host *host)
{
	struct err *failed = host_lacks(err, &host->maps_missing);

	if (!failed)
		failed = host_copy("it fails for the same reason", &host->memcalls_missing);
	if (!failed)
		failed = host_copy("it fails for the same reason", &host->refaults_missing);
	return failed;
}

struct err *trace_host_try(struct trace_host *ret)
{
	_cleanup_free_ struct sites *sites = calloc(1, sizeof(*sites));
	struct programs programs;
	struct trace_opts opts;

	if (!sites)
		return err_nomem();
	*ret = (struct trace_host){ 0 };
	sites->probed = 1; /* as if there was a function */
	trace_opts_init(&opts);
	opts.pid = getpid();
	opts.ring_sz = HOST_RING_SZ;
	opts.memcalls = TRACE_MEMCALLS_AUTO;
	struct err *err = kernel_fault_check_host();
	if (!err)
		err = programs_load(&opts, sites, &programs);
	if (err)
		err = host_lacks_all(err, ret);
	else {
		err = host_try_loaded(&programs, ret);
		programs_fini(&programs);
	}
	if (err)
		trace_host_fini(ret);
	return err;
}

void trace_host_fini(struct trace_host *host)
{
	free(host->maps_missing);
	free(host->memcalls_missing);
	free(host->refaults_missing);
	*host = (struct trace_host){ 0 };
}
