#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Somebody who is not root, with few capabilities, gets a report of a process of root. Without one
# of them the message names it.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

census=sys_ptrace,dac_read_search
trace=$census,bpf,perfmon

run_with() { # CAPABILITIES OPTION...
	local caps="+${1//,/,+}"
	shift

	with_json=0
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps="$caps" \
		--ambient-caps="$caps" timeout 60 "$maptrace" report --json --fail-on never "$@" \
		"$target" >"$out" 2>"$err"
	rc=$?
	keep_document
}

refused_without() { # NAME CAPABILITIES PATTERN OPTION...
	run_with "$2" "${@:4}"
	refused "without $1" 3 "$3"
}

if ! setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+sys_ptrace \
	--ambient-caps=+sys_ptrace true 2>/dev/null; then
	echo '1..0 # SKIP no capabilities can be given away here'
	exit 0
fi

build 1.24 churn stripped
start "$bin" -every 0 -kind fast64,faststr -maps 2 -inserts-per-s 20000 -clear 300ms

run_with "$census" --duration 0
is 'a census with two capabilities: exit code' "$rc" 0
holds 'a census with two capabilities: page by page' "$out" '.census.status == "ok"
	and (.memory.source | startswith("pagemap")) and .census.totals.maps > 1'
holds 'what is lazily freed is not known' "$out" '.memory.lazy_free_bytes == null
	and (.reclaim.lazy_free_by_page | not)'

run_with "$trace" --duration 2s
is 'a trace with four capabilities: exit code' "$rc" 0
if [[ $(jq -r .trace.mechanism "$out") == uprobe_multi ]]; then
	holds 'a trace with four capabilities' "$out" \
		'.trace.status == "ok" and .trace.hot.status == "ok" and .trace.rare.status == "ok"
		and any(.maps[]; .activity.insert.hits > 0)'
else
	skip 1 'this kernel has no good uprobe_multi'
fi

refused_without CAP_SYS_PTRACE dac_read_search,bpf,perfmon 'need root or CAP_SYS_PTRACE' \
	--duration 1s
refused_without CAP_DAC_READ_SEARCH sys_ptrace,bpf,perfmon 'need CAP_DAC_READ_SEARCH' --duration 1s
refused_without CAP_BPF "$census,perfmon" 'needs CAP_BPF [(]' --duration 1s
refused_without CAP_PERFMON "$census,bpf" 'needs CAP_PERFMON [(]' --duration 1s
refused_without both "$census" 'needs CAP_BPF and CAP_PERFMON [(].*--duration 0 takes a census' \
	--duration 1s

# Some kernels want CAP_SYS_ADMIN for perf events, and some do not.
run_with "$trace" --duration 1s --attach perf
is 'perf events: exit code' "$rc" 0
holds 'perf events: they work, or the reason names the capability' "$out" \
	'.trace.rare | .status == "ok" or (.reason | test("CAP_SYS_ADMIN"))'
stop
finish
