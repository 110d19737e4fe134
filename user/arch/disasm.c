// SPDX-License-Identifier: GPL-2.0-only
#include "arch/disasm.h"

#include "base/err.h"

struct err *disasm_init(struct disasm *d, cs_arch arch, cs_mode mode, const void *code,
			size_t code_sz, uint64_t addr)
{
	*d = (struct disasm){ .code = code, .left = code_sz, .next = addr };
	cs_err failed = cs_open(arch, mode, &d->handle);

	if (failed != CS_ERR_OK)
		return err_new(ERR_UNSUPPORTED, "capstone: %s", cs_strerror(failed));
	cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON);
	d->insn = cs_malloc(d->handle);
	return d->insn ? NULL : err_nomem();
}

void disasm_fini(struct disasm *d)
{
	if (d->insn)
		cs_free(d->insn, 1);
	if (d->handle)
		cs_close(&d->handle);
}

bool disasm_next(struct disasm *d)
{
	return cs_disasm_iter(d->handle, &d->code, &d->left, &d->next, d->insn);
}
