#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of run.sh that runs under another kernel: maptrace on each of the test
# programs. Prints a compressed tar file; of each case NAME it has
#
#   NAME.out NAME.err NAME.rc    what maptrace printed, and its exit code
#   NAME.truth NAME.after        what the program said before and after
#
# and `release`, `messages` (the kernel's), and NAME.target-err of a program that
# had something to say.
#
#   guest.sh GO-VERSION...
set -u
results=/tmp/results
mkdir -p $results
cd $results || exit

# Both ends of the pipes in one place, so that neither end waits for the other.
start() { # NAME COMMAND...
	name=$1
	shift
	mkfifo /tmp/in /tmp/from
	"$@" </tmp/in >/tmp/from 2>"$name.target-err" &
	target=$!
	exec 3>/tmp/in 4</tmp/from
	rm /tmp/in /tmp/from
	head -n 1 <&4 >/dev/null
}

# There is never more than one answer on its way: head reads nothing too much.
ask() {
	echo "$1" >&3
	head -n 1 <&4
}

stop() {
	kill -KILL "$target"
	wait "$target" 2>/dev/null
	exec 3>&- 4<&-
	[ -s "$name.target-err" ] || rm -f "$name.target-err"
}

try() { # NAME ARGUMENT...
	case=$1
	shift
	timeout 60 maptrace report "$@" "$target" >"$case.out" 2>"$case.err"
	echo $? >"$case.rc"
}

try_between() {
	ask truth >"$1.truth"
	try "$@"
	ask truth >"$1.after"
}

census() { # VERSION
	start "zoo-$1" "mapzoo-$1-stripped"
	try_between "zoo-$1" --duration 0 --json
	try "zoo-$1-text" --duration 0
	stop
}

# Every kind of event, each more than once in five seconds. The truth before and
# the one after are the bounds of what a trace in between may have seen.
trace() { # VERSION
	start "churn-$1" "churn-$1-stripped" -every 0 -maps 4 -kind faststr,fast64,generic \
		-inserts-per-s 2000 -deletes-per-s 1000 -updates-per-s 1000 \
		-grow 20000 -grow-every 2s -clear 2s -madvise 1s
	try_between "churn-$1" --duration 5 --json
	try_between "churn-$1-text" --duration 5
	try_between "churn-$1-perf" --duration 5 --json --attach perf
	stop
}

demo() { # VERSION
	start "demo-$1" "demo-$1-stripped"
	try "demo-$1-census" --duration 0
	try "demo-$1" --duration 5
	stop
}

# As for a kernel that was built without BTF.
without_btf() { # VERSION
	mount -t tmpfs none /sys/kernel/btf
	start "nobtf-$1" "churn-$1-stripped" -every 0
	try "nobtf-$1" --duration 2 --json
	try "nobtf-$1-census" --duration 0
	stop
	umount /sys/kernel/btf
}

# A machine with Secure Boot may be locked like this. There is no way back.
locked_down() { # VERSION
	mount -t securityfs none /sys/kernel/security
	echo confidentiality >/sys/kernel/security/lockdown
	start "locked-$1" "churn-$1-stripped" -every 0
	try "locked-$1" --duration 2 --json
	try "locked-$1-census" --duration 0
	stop
}

for version; do
	census "$version"
	trace "$version"
	demo "$version"
	without_btf "$version"
done
locked_down "$version"
uname -r >release
dmesg >messages
tar -c . | gzip -1
