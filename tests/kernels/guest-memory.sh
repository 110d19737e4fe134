#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of run.sh that asks where every byte is, under another kernel with swap: stopped
# programs that are partly in swap or in huge pages. Prints a compressed tar file, see
# guest-lib.sh. A case NAME also has
#
#   NAME.first                   what maptrace printed at first
#   NAME.squeezed NAME.moved     sums of smaps before that, and after
#   NAME.before NAME.rollup      the same of the last report
#   NAME.ready                   what the program said at its start
#   NAME.truth NAME.after        and what when it was asked
#
#   guest-memory.sh GO-VERSION...
set -u
# shellcheck source=tests/kernels/guest-lib.sh
. guest-lib.sh
group=/tmp/cgroup/target

# Memory that a program took before it joined a cgroup does not belong to that cgroup.
begin() { # NAME COMMAND...
	case=$1
	shift
	# shellcheck disable=SC2016 # $$ is the inner shell's
	start "$case" sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' $group "$@"
	echo truth >&3
	head -n 1 <&4 >"$case.truth"
	kill -STOP "$target"
}

# Makes the kernel write out all but a part of the cgroup. It may give up early.
squeeze() { # PERCENT
	goal=$(($(cat $group/memory.current) * $1 / 100))
	for _ in 1 2 3 4 5; do
		echo $goal >$group/memory.high
		echo max >$group/memory.high
		[ "$(cat $group/memory.current)" -gt $goal ] || break
	done
}

sizes() {
	grep -E '^(Rss|Swap|AnonHugePages):' "/proc/$target/smaps_rollup"
}

# What a report reads comes back into memory. The first report is kept, and the one during
# which nothing moved.
observe() {
	sizes >"$case.squeezed"
	try "$case" --duration 0 --json --fail-on never
	cp "$case.out" "$case.first"
	sizes >"$case.moved"
	cp "$case.moved" "$case.rollup"
	for _ in 1 2 3 4 5; do
		mv "$case.rollup" "$case.before"
		try "$case" --duration 0 --json --fail-on never
		sizes >"$case.rollup"
		cmp -s "$case.before" "$case.rollup" && break
	done
}

end() {
	kill -CONT "$target"
	ask truth >"$case.after"
	stop
}

# After the program is asked for the truth it does nothing more.
swapped() { # NAME PERCENT COMMAND...
	begin_case=$1 percent=$2
	shift 2
	begin "$begin_case" "$@"
	squeeze "$percent"
	observe
	end
}

huge() { # NAME COMMAND...
	begin "$@"
	observe
	end
}

huge_pages() { # always|never
	echo "$1" >/sys/kernel/mm/transparent_hugepage/enabled
}

mkdir /tmp/cgroup /tmp/files
mount -t cgroup2 none /tmp/cgroup
echo +memory >/tmp/cgroup/cgroup.subtree_control
mkdir $group
mount -t tmpfs none /tmp/files
export TMPDIR=/tmp/files
for version; do
	zoo=mapzoo-$version-stripped reclaim=reclaim-$version-stripped
	huge_pages never
	swapped "swap-zoo-$version" 30 "$zoo"
	for cause in pinned_by_map not_scavenged refilled stacks files; do
		swapped "swap-$cause-$version" 25 "$reclaim" -mib 64 -cause $cause
	done
	huge_pages always
	huge "huge-zoo-$version" "$zoo"
	for cause in pinned_by_map not_scavenged refilled; do
		huge "huge-$cause-$version" "$reclaim" -mib 64 -cause $cause
	done
	swapped "both-zoo-$version" 60 "$zoo"
done
results
