#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that want to keep maptrace busy, or waiting, for ever; see traps.c. Each is refused
# or reported in time, however slow the machine is.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

traps=$top/build/tests/e2e/traps

# Without bounds these take from half a minute to hours.
check_busy() { # NAME ARGUMENT...
	local name=$1
	shift

	start "$traps" "$@"
	run 20 report --duration 0 "$target"
	refused "$name" 4 "'traps' is not a Go program"
	stop
}

check_busy '100,000 forged headers' headers 100000
check_busy '20,000 files with code' memfds 20000
finish
