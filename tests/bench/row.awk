# SPDX-License-Identifier: GPL-2.0-only
# Prints one row of the table: text, value, ratio, goal, and whether the goal is met.

function scaled(v, step, names,    n, i, unit) {
	n = split(names, unit, " ")
	for (i = 1; i < n && v >= step; i++)
		v /= step
	return sprintf(v == int(v) && v < 1000 ? "%d %s" : "%.3g %s", v, unit[i])
}

function in_unit(v) {
	if (unit == "ns")
		return scaled(v, 1000, "ns us ms s")
	if (unit == "bytes")
		return scaled(v, 1024, "B KiB MiB GiB")
	return sprintf(unit == "per_s" ? "%.4g/s" : "%d", v)
}

function percent(v) {
	return sprintf("%.1f %%", 100 * v)
}

BEGIN {
	met = ""
	if (operator != "") {
		measured = ratio == "-" ? value : ratio
		met = (operator == "<=" ? measured + 0 <= goal + 0 : measured + 0 >= goal + 0) ? "yes" : "NO"
		limit = operator " " (ratio == "-" ? in_unit(goal) : percent(goal))
	}
	printf "  %-52s %12s %9s  %-12s %s\n", text, in_unit(value),
		ratio == "-" ? "" : percent(ratio), limit, met
}
