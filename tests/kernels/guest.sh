#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# The part of run.sh that runs under another kernel: maptrace on each of the test programs.
# Prints a compressed tar file, see guest-lib.sh. A case NAME also has
#
#   NAME.truth NAME.after        what the program said before and after
#
#   guest.sh GO-VERSION...
set -u
# shellcheck source=tests/kernels/guest-lib.sh
. guest-lib.sh

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

# As on a kernel that was built without BTF.
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
results
