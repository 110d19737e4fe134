// SPDX-License-Identifier: GPL-2.0-only
#include "process/dwarf_types.h"

#include <dwarf.h>
#include <string.h>

enum {
	/* Go has a unit for each package, and 3,000 packages are many. libdw keeps memory for
	 * each unit, so their number needs a limit. */
	UNITS_MAX = 1 << 16,
	/* They have some 10 bytes each; the largest programs have a few million. */
	DIES_MAX = 1 << 26,
	MEMBERS_MAX = 4096,
	TYPEDEFS_MAX = 8,
	PATH_DEPTH_MAX = 4,
};

struct dwarf_search {
	struct dwarf_item *items;
	size_t cnt;
	uint32_t dies; /* number seen so far */
};

static const char *dwarf_name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr(die, DW_AT_name, &attr));
}

static void dwarf_match(struct dwarf_search *s, Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	if (tag != DW_TAG_structure_type && tag != DW_TAG_constant)
		return;
	const char *name = dwarf_name_of(die);
	for (size_t i = 0; name && i < s->cnt; i++) {
		struct dwarf_item *item = &s->items[i];

		if (!item->found && item->tag == tag && !strcmp(item->name, name)) {
			item->found = true;
			item->die = *die;
			return;
		}
	}
}

/* Types and constants of a package are children of its unit. */
static void dwarf_search_unit(struct dwarf_search *s, Dwarf_Die *unit)
{
	Dwarf_Die die;

	if (dwarf_child(unit, &die))
		return;
	do {
		dwarf_match(s, &die);
	} while (++s->dies < DIES_MAX && !dwarf_siblingof(&die, &die));
}

static bool is_runtime(Dwarf_Die *unit)
{
	const char *name = dwarf_name_of(unit);

	return name && !strcmp(name, "runtime");
}

/* Reads the units of package runtime, or all others until enough is found. */
static void dwarf_search_units(struct dwarf_search *s, Dwarf *dwarf, bool runtime,
			       dwarf_enough_fn enough)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;

	for (int n = 0; n < UNITS_MAX && s->dies < DIES_MAX; n++) {
		if (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL))
			return;
		if (dwarf_srclang(&unit) != DW_LANG_Go || is_runtime(&unit) != runtime)
			continue;
		dwarf_search_unit(s, &unit);
		if (!runtime && enough(s->items))
			return;
	}
}

void dwarf_find(Dwarf *dwarf, struct dwarf_item *items, size_t cnt, dwarf_enough_fn enough)
{
	struct dwarf_search s = { .items = items, .cnt = cnt };

	dwarf_search_units(&s, dwarf, true, enough);
	if (!enough(items))
		dwarf_search_units(&s, dwarf, false, enough);
}

static bool dwarf_number(Dwarf_Die *die, unsigned int at, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (dwarf_formudata(dwarf_attr(die, at, &attr), &value))
		return false;
	*ret = value;
	return true;
}

bool dwarf_constant(Dwarf_Die *die, uint64_t *ret)
{
	return dwarf_number(die, DW_AT_const_value, ret);
}

bool dwarf_size(Dwarf_Die *type, uint64_t *ret)
{
	return dwarf_number(type, DW_AT_byte_size, ret);
}

/* The type of die. Not by dwarf_peel_type(), which never returns for a typedef of itself. */
static bool dwarf_type_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Die at = *die;

	for (int hops = 0; hops < TYPEDEFS_MAX; hops++) {
		Dwarf_Attribute attr;
		Dwarf_Die type;

		if (!dwarf_formref_die(dwarf_attr(&at, DW_AT_type, &attr), &type))
			return false;
		if (dwarf_tag(&type) != DW_TAG_typedef) {
			*ret = type;
			return true;
		}
		at = type;
	}
	return false;
}

static bool dwarf_child_member(Dwarf_Die *structure, const char *name, size_t len, Dwarf_Die *ret)
{
	if (dwarf_tag(structure) != DW_TAG_structure_type || dwarf_child(structure, ret))
		return false;
	for (int n = 0; n < MEMBERS_MAX; n++) {
		const char *s = dwarf_tag(ret) == DW_TAG_member ? dwarf_name_of(ret) : NULL;

		if (s && !strncmp(s, name, len) && !s[len])
			return true;
		if (dwarf_siblingof(ret, ret))
			return false;
	}
	return false;
}

bool dwarf_member(Dwarf_Die *structure, const char *path, uint64_t *ret, Dwarf_Die *type_ret)
{
	Dwarf_Die type = *structure;
	uint64_t sum = 0;

	for (int depth = 0; depth < PATH_DEPTH_MAX; depth++) {
		size_t len = strcspn(path, ".");
		uint64_t off;
		Dwarf_Die member;

		if (!dwarf_child_member(&type, path, len, &member) ||
		    !dwarf_number(&member, DW_AT_data_member_location, &off) ||
		    off > (uint64_t)INT32_MAX - sum || !dwarf_type_of(&member, &type))
			return false;
		sum += off;
		if (!path[len]) {
			*ret = sum;
			if (type_ret)
				*type_ret = type;
			return true;
		}
		path += len + 1;
	}
	return false;
}
