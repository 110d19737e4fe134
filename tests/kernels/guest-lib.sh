# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts that run under another kernel share: they start test programs, run
# maptrace on them, and fill a folder of results. For each case NAME it has
#
#   NAME.out NAME.err NAME.rc    what maptrace printed, and its exit code
#
# and `release`, `messages` (of the kernel), and NAME.target-err, if the program printed any
# errors.
results=/tmp/results
mkdir -p $results
cd $results || exit

# One process opens both ends of the pipes, so that neither end waits for the other.
start() { # NAME COMMAND...
	name=$1
	shift
	mkfifo /tmp/in /tmp/from
	"$@" </tmp/in >/tmp/from 2>"$name.target-err" &
	target=$!
	exec 3>/tmp/in 4</tmp/from
	rm /tmp/in /tmp/from
	head -n 1 <&4 >"$name.ready"
}

# There is never more than one answer to read, so head does not read too much.
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

# Prints all results as a compressed tar file.
results() {
	uname -r >release
	dmesg >messages
	tar -c . | gzip -1
}
