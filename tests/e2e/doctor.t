#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What doctor says works does work, and what was taken away is named, with what it costs.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# Runs doctor --json by way of a command that takes something away.
doctor_under() { # NAME EXIT-CODE COMMAND... -- ARGUMENT...
	local name=$1 code=$2 before=()

	shift 2
	while [[ $1 != -- ]]; do
		before+=("$1")
		shift
	done
	shift
	timeout 60 "${before[@]}" "$maptrace" doctor --json "$@" >"$out" 2>"$err"
	rc=$?
	is "$name: exit code" "$rc" "$code"
}

row_has() { # NAME CODE STATE FILTER
	holds "$1" "$out" '[.checks[] | select(.code == $code)] | length == 1
		and (.[0] | .state == $state and ('"$4"'))' --arg code "$2" --arg state "$3"
}

# ---- the host ----

run 60 doctor
text_rc=$rc
ok 'the text has the kernel' grep -qE "^ok +kernel +Linux $(uname -r), " "$out"
is 'no line is too long' "$(too_long)" ''
run 60 doctor --json
is 'both formats end alike' "$rc" "$text_rc"
holds 'exit code 0 is for all works' "$out" \
	'(all(.checks[]; .state == "ok")) == ($rc == "0") and (.checks | length) > 10' --arg rc "$rc"
holds 'what does not work costs something' "$out" \
	'all(.checks[] | select(.state != "ok"); .cost != null)'

# ---- something is taken away ----

without() { # CAPABILITY
	printf 'setpriv\n--bounding-set=-%s\n--inh-caps=-all\n' "$1"
}

mapfile -t no_bpf < <(without bpf,-perfmon,-sys_admin)
doctor_under 'without rights for BPF' 1 "${no_bpf[@]}" --
row_has 'CAP_BPF is missing' cap_bpf limited '.cost | test("--duration 0")'
row_has 'CAP_PERFMON is missing' cap_perfmon limited '.cost | test("--duration 0")'
row_has 'so there is no trace' map_functions limited '.found | test("CAP_BPF and CAP_PERFMON")'
row_has 'the memory can be read' cap_sys_ptrace ok true

mapfile -t no_admin < <(without sys_admin)
doctor_under 'CAP_SYS_ADMIN is not needed for BPF' "$text_rc" "${no_admin[@]}" --
row_has 'BPF works without it' map_functions ok true

mapfile -t no_ptrace < <(without sys_ptrace)
doctor_under 'without CAP_SYS_PTRACE' 1 "${no_ptrace[@]}" --
row_has 'it is named' cap_sys_ptrace limited '.found | test("reads the memory")'

if unshare -pf true 2>/dev/null; then
	doctor_under 'another pid namespace, with its /proc' 1 unshare -pf --mount-proc --
	row_has 'it is said to be a container'"'"'s' pid_namespace limited '.cost | test("hostPID")'
	doctor_under 'another pid namespace, without its /proc' 6 unshare -pf --
	row_has 'nothing can be read' proc failed '.found | test("mount one")'
else
	skip 4 'no pid namespace may be made here'
fi

# ---- a process ----

build 1.24 zeroes stripped
start "$bin"
run 60 doctor --json "$target"
is 'a Go program: exit code' "$rc" "$text_rc"
row_has 'the program' process ok '.found | test("go1[.]24")'
row_has 'its symbols' symbols ok '.found | test("stripped")'
row_has 'its census' census ok '.found | test("maps in ")'
row_has 'its probes' probe_sites ok '.found | test("^[1-9]")'
run 60 report --duration 0 --fail-on never "$target"
is 'the report works as doctor said' "$rc" 0
doctor_under 'a process of root for somebody else' 3 \
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$target"
row_has 'it may not be read' process failed '.found | test("not permitted")'
mapfile -t no_bpf < <(without bpf,-perfmon,-sys_admin)
doctor_under 'a Go program, without rights for BPF' 1 "${no_bpf[@]}" -- "$target"
row_has 'the census works' census ok true
row_has 'probes do not' probe_sites limited '.cost == "no trace"'
stop

sleep 100 &
started+=($!)
doctor_under 'not a Go program' 4 env -- $!
row_has 'it is said not to be one' process failed '.found | test("Go")'
doctor_under 'no such process' 5 env -- 4000000
run 10 doctor --no-such-option
is 'a wrong option: exit code' "$rc" 2

finish
