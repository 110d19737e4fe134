#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that want to keep maptrace busy, or waiting, for ever; see traps.c. Each is refused
# or reported in time, however slow the machine is.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

traps=$top/build/tests/e2e/traps

# Without bounds these take from half a minute to hours.
check_busy() { # NAME ARGUMENT...
	local name=$1
	shift

	start "$traps" "$@"
	run 60 report --duration 0 "$target"
	refused "$name" 4 "'traps' is not a Go program"
	stop
}

# False where the machine does not permit the trap.
may_start() { # COMMAND...
	launch "$@"
	[[ $(answer) == *'"ready":true'* ]] && return
	stop
	return 1
}

# Sends a signal when maptrace waits in its read. It ends by that. Who runs the tests may have
# SIGHUP ignored, as nohup does, and maptrace leaves it so.
check_signal() { # NAME SIGNAL STATUS
	env --default-signal="$2" "$maptrace" report --duration 0 --deadline 0 "$target" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	sleep 0.5 # what comes earlier ends maptrace, too
	kill "-$2" "$watcher"
	ok "$1, SIG$2: it ends" wait_for 15 is_dead "$watcher" || kill -KILL "$watcher"
	wait "$watcher" 2>/dev/null
	is "$1, SIG$2: exit code" "$?" "$3"
	is "$1, SIG$2: nothing on stdout" "$(head -c 200 "$out")" ''
}

# A page that does not come. Who reads it is not ended by kill -9, nor is its process.
check_waiting() { # KIND
	local signal

	may_start "$traps" "$1" || {
		skip 10 "no $1 here: $(cat "$tmp/target-err")"
		return
	}
	run 60 report --duration 0 --deadline 500ms "$target"
	refused "$1" 7 'the time was over before there was a result \(--deadline\)'
	run 60 report --duration 0 --deadline 500ms --json "$target"
	refused "$1, --json" 7 'the time was over before there was a result'
	is "$1, --json: the kind" "$(jq -r .error.kind "$out")" deadline
	check_signal "$1" TERM 143
	check_signal "$1" HUP 129
	"$maptrace" report --duration 0 --deadline 0 "$target" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	sleep 0.5
	kill -KILL "$watcher"
	ok "$1: kill -9 ends it" wait_for 15 is_dead "$watcher"
	stop
}

# Writes a copy of a program with 3 GB of nothing in its table of sections, in their names, or in
# its symbols.
sparse() { # IN OUT KIND
	python3 - "$@" <<'PYTHON'
import os, struct, sys

src, out, kind = sys.argv[1:4]
hole = 3000000000
d = bytearray(open(src, "rb").read())
d += bytes(-len(d) % 4096)
end = len(d)


def section(name, typ, off, size, link=0, align=1, ent=0):
    return struct.pack("<IIQQQQIIQQ", name, typ, 0, 0, off, size, link, 0, align, ent)


names, symbols = 3, 2  # SHT_STRTAB, SHT_SYMTAB
if kind == "sections":  # the first section has their number
    header = (0, 1)
    d += section(0, 0, 0, hole // 64) + section(0, names, end, 64)
elif kind == "names":
    header = (2, 1)
    d += section(0, 0, 0, 0) + section(1, names, end + 4096, hole)
else:
    header = (3, 1)
    d += section(0, 0, 0, 0) + section(1, names, end + 200, 64)
    d += section(3, symbols, end + 4096, hole, 1, 8, 24)
d[0x28:0x30] = struct.pack("<Q", end)
d[0x3C:0x40] = struct.pack("<HH", *header)
with open(out, "wb") as f:
    f.write(d)
os.truncate(out, end + 4096 + hole)
os.chmod(out, 0o755)
PYTHON
}

# With a gigabyte of address space, what needs the 3 GB fails.
run_limited() { # ARGUMENT...
	ulimit -v 1000000
	timeout --foreground -k 5 60 "$maptrace" "$@" >"$out" 2>"$err"
}

check_sparse() {
	local kind

	build 1.24 collector stripped
	for kind in sections names symbols; do
		sparse "$bin" "$tmp/sparse-$kind" "$kind" || bail "no sparse file"
		start "$tmp/sparse-$kind"
		(run_limited report --duration 0 --json "$target")
		rc=$? with_json=0
		if [[ $kind == sections ]]; then
			refused "3 GB of $kind" 4 'too many sections'
		else
			is "3 GB of $kind: exit code" "$rc" 0
			holds "3 GB of $kind: a report" "$out" '.census.status == "ok"'
		fi
		stop
		rm -f "$tmp/sparse-$kind"
	done
}

check_budget() {
	build 1.24 crowd stripped
	start "$bin" -maps 3000000
	run 60 report --duration 0 --memory 8M "$target"
	refused 'a budget of 8 MiB' 4 'out of memory in the [a-z ]+: more than 8.00 MiB is needed'
	run 60 report --duration 0 --memory 8M --json "$target"
	is 'a budget of 8 MiB, --json: the kind' "$(jq -r .error.kind "$out")" out_of_memory
	run 60 report --duration 0 "$target"
	is 'the budget by default is enough' "$rc" 0
	stop
}

# The map becomes unreadable during the watch. What was known before is reported.
check_armed() { # VERSION
	local name="go$1, a trap after the first census"

	build "$1" armed stripped
	start "$bin"
	watch --duration 4s --deadline 6s --json "$target"
	[[ $(ask arm) == *armed* ]] || {
		skip 5 'no userfaultfd here'
		kill -KILL "$watcher"
		stop
		return
	}
	watch_ended
	is "$name: exit code" "$rc" 7
	holds "$name: it is told" "$out" 'any(.doubts[]; .code == "cut_short")'
	holds "$name: the census before" "$out" \
		'any(.maps[]; .live_keys == 2000000) and .census.status == "ok"'
	holds "$name: no trace, with the reason" "$out" \
		'.trace.status == "refused" and (.trace.reason | test("did not return"))'
	ok "$name: its code is as it was" wait_for 60 text_is_clean "$target"
	stop
}

# Buckets in a page that is not there are not read, so a trap does not hold. Keys are missing,
# and that is told. So it is where a page cannot be read.
check_lacking() { # VERSION TRAP
	local name="go$1, a page of a large map's tables, told to $2"

	build "$1" armed stripped
	start "$bin"
	[[ $(ask "$2") == *armed* ]] || {
		skip 3 'no userfaultfd here'
		stop
		return
	}
	run 60 report --duration 0 --json --fail-on never "$target"
	is "$name: exit code" "$rc" 0
	holds "$name: the map counts as left out" "$out" '.census.totals.suspect == 1'
	holds "$name: it is in no sum" "$out" '.census.totals.live_keys < 100000'
	stop
}

check_busy '100,000 forged headers' headers 100000
check_busy '20,000 files with code' memfds 20000
check_sparse
check_budget
check_waiting uffd
check_waiting fuse
check_armed 1.24
check_lacking 1.21 arm
check_lacking 1.21 hide
check_lacking 1.24 hide
finish
