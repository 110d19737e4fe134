#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Types of objects: objects whose type an interface names are typed without a look at it. What
# is called certain must be right. The pointers of all types must be those of the linker.
#
#   tests/e2e/blind.t [VERSION]...      versions of Go; without any, also daemons of Debian
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

blind=$top/build/tests/e2e/blind_types
found=$tmp/found
port=$((20000 + RANDOM % 20000))

value() { # NAME
	awk -v name="$1" '$1 == name { print $2 }' "$found"
}

at_least() { # NAME MINIMUM
	ok "$label: $1 at least $2" test "$(value "$1")" -ge "$2"
}

right() { # NAME: of the figures NAME and NAME_right
	is "$label: $1 are right" "$(value "$1_right")" "$(value "$1")"
}

check() { # TYPES OBJECTS: at least
	"$blind" "$target" >"$found" 2>"$err"
	is "$label: exit code" "$?" 0
	at_least types "$1"
	is "$label: masks" "$(value masks_that_differ)" 0
	at_least other_objects "$2"
	right other_certain
	right with_map_certain
	is "$label: fields are right" "$(value with_map_fields_right)" "$(value with_map_fields_certain)"
	is "$label: every object has a type" "$(value other_untyped) $(value with_map_untyped)" '0 0'
	diag "$label: $(tail -n 20 "$found" | paste -sd' ')"
}

daemon() { # COMMAND...
	"$@" >"$tmp/daemon.log" 2>&1 &
	target=$!
	started+=("$target")
	wait_for 20 curl -sf --max-time 10 -o /dev/null "http://127.0.0.1:$port/metrics" ||
		bail "$label did not start: $(tail -n 3 "$tmp/daemon.log")"
}

prometheus() { # SUITE
	local root

	label="$1 prometheus"
	root=$("$top/scripts/debian-daemon.sh" "$1" prometheus 2>/dev/null) || {
		skip 9 "$label cannot be had"
		return
	}
	printf 'global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: self\n' >"$tmp/prometheus.yml"
	printf '  static_configs: [{targets: ["127.0.0.1:%d"]}]\n' "$port" >>"$tmp/prometheus.yml"
	daemon "$root/usr/bin/prometheus" --config.file="$tmp/prometheus.yml" \
		--storage.tsdb.path="$tmp/tsdb-$1" --web.listen-address="127.0.0.1:$port"
	sleep 3
	check 40000 100
	at_least with_map_certain 20
	kill -KILL "$target"
	wait "$target" 2>/dev/null
}

versions=("$@")
[[ $# != 0 ]] || versions=(1.19 1.21 1.24 1.27)
for version in "${versions[@]}"; do
	label="Go $version"
	build "$version" mapzoo stripped
	start "$bin"
	check 1500 1000
	stop
done
if [[ $# == 0 ]] && command -v curl >/dev/null; then
	prometheus bookworm
	prometheus trixie
fi
finish
