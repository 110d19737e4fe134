#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Targets that cannot be read, or not in the usual way: one sentence, the right exit code,
# and never a wrong figure.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json report=$tmp/report.json compared=$tmp/compared.json
scenarios=ints,nested,small,churned,cleared

# No process has this pid: the largest one of Linux is one less.
no_pid=4194304

census() {
	run 30 report --duration 0 --json "$1"
	cp "$out" "$report"
}

start_zoo() { # COMMAND...
	start "$@" -exit-on-eof -n 0.05 -scenario "$scenarios"
	ask truth >"$truth"
}

compare() {
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$report" \
		'include "truth"; compare($truth[0]; $report[0])' >"$compared"
}

# A census of a target in an unusual place must be as good as any other.
check_figures() { # NAME PID
	census "$2"
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(complaints)" ''
	compare
	holds "$1: figures are right" "$compared" '.found > 500 and .missing == [] and .tables == []
		and .totals_wrong == [] and .inexact == [] and (.wrong | all(.[]; . == []))'
}

# ---- the command line ----

check_usage() { # NAME PATTERN ARGUMENT...
	local name=$1 pattern=$2
	shift 2

	run 10 "$@"
	refused "$name" 2 "$pattern"
}

check_command_line() {
	check_usage 'no verb' VERB
	check_usage 'an unknown verb' "'reprot'" reprot 1
	check_usage 'no pid' PID report
	check_usage 'pid 0' "'0'" report 0
	check_usage 'a negative pid' "'-5'" report -- -5
	check_usage 'a negative pid that looks like an option' 5 report -5
	check_usage 'a word for a pid' "'init'" report init
	check_usage 'a pid with a tail' "'12x'" report 12x
	check_usage 'an empty pid' "''" report ''
	check_usage 'a huge pid' "'99999999999999999999'" report 99999999999999999999
	check_usage 'two pids' 'one PID' report $$ $$
	check_usage 'a bad duration' "'soon'" report --duration soon $$
	check_usage 'a negative duration' "'-1s'" report --duration=-1s $$
	check_usage 'a bad size' "'much'" report --min-waste much $$
	check_usage 'another bad size' "'12Q'" report --fail-on 12Q $$
	check_usage 'a bad number' "'x'" report --top x $$
	check_usage 'a bad way to attach' "'glue'" report --attach glue $$
	check_usage 'an unknown option' frobnicate report --frobnicate $$
}

# ---- not a Go program ----

a_thread() {
	local task

	for task in "/proc/$target/task"/*; do
		[[ ${task##*/} != "$target" ]] && printf '%s\n' "${task##*/}" && return
	done
}

check_no_program() {
	local thread

	run 10 report --duration 0 $no_pid
	refused 'no such process' 5 "$no_pid"

	sleep 1000 &
	started+=($!)
	run 10 report --duration 0 $!
	refused 'not Go' 4 "'sleep' is not a Go program"
	kill $!
	wait $!
	run 10 report --duration 0 $!
	refused 'an exited process' 5 "$!"

	build 1.24 mapzoo stripped
	start_zoo "$bin"
	thread=$(a_thread)
	run 10 report --duration 0 "$thread"
	refused 'a thread' 2 "$thread is a thread"
	stop
}

check_kernel_thread() {
	if [[ $(cat /proc/2/comm 2>/dev/null) != kthreadd ]]; then
		skip 4 'no kernel threads in this pid namespace'
		return
	fi
	run 10 report --duration 0 2
	refused 'a kernel thread' 4 'kernel thread'
}

# A process that has exited and that nobody has waited for: it has no memory.
check_zombie() {
	local pid

	launch perl -e '$| = 1; my $p = fork; exit if !$p; print "$p\n"; <STDIN>'
	read -r pid <&"$from"
	wait_for 10 grep -q '^State:.Z' "/proc/$pid/status"
	run 10 report --duration 0 "$pid"
	refused 'a zombie' 5 "$pid"
	stop
}

# Objects have red zones in such a program. To refuse is better than to find no map.
check_asan() {
	if ! cc -fsanitize=address -x c -o "$tmp/asan" - <<<'int main(void) { return 0; }' 2>/dev/null; then
		skip 2 'cc has no address sanitizer here'
		return
	fi
	build 1.24 hostile asan
	start "$bin"
	run 20 report --duration 0 --json "$target"
	is 'built with -asan: exit code' "$rc" 4
	holds 'built with -asan: says why there are no maps' "$out" \
		'.census | .status == "refused" and (.reason | contains("-asan"))'
	stop
}

# ---- not permitted ----

check_not_permitted() {
	build 1.24 mapzoo stripped
	start_zoo "$bin"
	run_as 'setpriv --reuid=65534 --regid=65534 --clear-groups' --duration 0
	refused 'another user' 3 CAP_SYS_PTRACE
	run_as 'setpriv --reuid=65534 --regid=65534 --clear-groups' --duration 1s
	refused 'another user, tracing' 3 CAP_SYS_PTRACE
	run_as 'setpriv --bounding-set=-sys_ptrace' --duration 0
	refused 'root without CAP_SYS_PTRACE' 3 'root, but without CAP_SYS_PTRACE'
	run_as 'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+sys_ptrace
		--ambient-caps=+sys_ptrace' --duration 0
	refused 'another user with CAP_SYS_PTRACE alone' 3 CAP_DAC_READ_SEARCH
	run_as 'setpriv --bounding-set=-bpf,-perfmon,-sys_admin' --duration 1s
	refused 'root without what BPF takes' 3 'CAP_BPF and CAP_PERFMON'
	run_as 'setpriv --bounding-set=-perfmon,-sys_admin' --duration 1s
	refused 'root without CAP_PERFMON' 3 'needs CAP_PERFMON'
	run_as 'setpriv --bounding-set=-all,+sys_ptrace' --duration 0 --json
	is 'CAP_SYS_PTRACE is enough for a census: exit code' "$rc" 0
	cp "$out" "$report"
	compare
	holds 'CAP_SYS_PTRACE is enough for a census: figures are right' "$compared" \
		'.found > 500 and (.wrong | all(.[]; . == []))'
	stop
}

run_as() { # COMMAND OPTION...
	local as=$1
	shift

	# shellcheck disable=SC2086 # the words of a command
	timeout --foreground 20 $as "$maptrace" report "$@" "$target" >"$out" 2>"$err"
	rc=$?
}

# ---- the target goes away ----

check_gone() { # NAME PATTERN MAPS
	is "$1: exit code" "$rc" 5
	is "$1: silent on stderr" "$(complaints)" ''
	holds "$1: the report says so" "$out" '.target.gone | test($pattern)' --arg pattern "$2"
	holds "$1: the report is whole" "$out" \
		'.census.status == "ok" and (.maps | length >= $maps) and .trace.status == "ok"
		and .trace.duration_ns < 50e9' --argjson maps "$3"
}

check_goes_away() {
	build 1.24 mapzoo stripped
	start_zoo "$bin"
	ok 'maptrace attaches' watch --json --duration 60s "$target"
	kill -KILL "$target"
	watch_ended
	check_gone 'the target is killed' exited 500
	stop

	# The text names callers, and the memory that tells them is gone.
	build 1.24 churn stripped
	start "$bin" -every 0 -inserts-per-s 5000 -deletes-per-s 5000 -clear 100ms
	ok 'maptrace attaches' watch --duration 60s "$target"
	sleep 2 # for a window or two
	kill -KILL "$target"
	watch_ended
	is 'the target is killed, text: exit code' "$rc" 5
	is 'the target is killed, text: silent on stderr' "$(complaints)" ''
	ok 'the target is killed, text: says so' grep -q '^THE TARGET IS GONE: .*exited' "$out"
	for section in MAPS ACTIVITY VERDICT COST; do
		ok "the target is killed, text: $section" grep -q "^$section" "$out"
	done
	stop

	build_exec
	for program in "$(command -v sleep) 1000" "$bin"; do
		start "$bin"
		ok 'maptrace attaches' watch --json --duration 60s "$target"
		printf '%s\n' "$program" >&"$to"
		watch_ended
		check_gone "the target executes ${program##*/}" 'another program' 1
		stop
	done
}

# No program of tests/targets executes another one.
build_exec() {
	local go

	bin=$(build_dir)/exec
	[[ $bin -nt $e2e/exec/main.go ]] && return
	go=$("$top/scripts/go-toolchain.sh" 1.24) || bail 'no Go'
	env -u GOFLAGS GO111MODULE=off "$go" build -o "$bin" "$e2e/exec/main.go" || bail 'cannot build exec'
}

# ---- the file of the target ----

check_file_gone() {
	local copy=$tmp/zoo

	build 1.24 mapzoo stripped
	cp "$bin" "$copy"
	start_zoo "$copy"
	rm "$copy"
	check_figures 'a deleted file' "$target"
	holds 'a deleted file: is noted' "$report" \
		'.target.executable_deleted and (.target.executable | endswith("/zoo"))'
	cp "$(command -v sleep)" "$copy"
	check_figures 'a replaced file' "$target"
	stop
	rm "$copy"
}

# Uprobes are attached to the file, too.
check_trace_of_deleted() {
	local copy=$tmp/churning

	build 1.24 churn stripped
	cp "$bin" "$copy"
	start "$copy" -every 0 -inserts-per-s 20000 -deletes-per-s 20000
	rm "$copy"
	run 30 report --duration 2s --json "$target"
	is 'tracing a deleted file: exit code' "$rc" 0
	holds 'tracing a deleted file: inserts are seen' "$out" \
		'any(.maps[]; .activity.insert.hits > 0)'
	stop
}

# ---- namespaces ----

only_child() { # PID
	pgrep -P "$1" | head -n 1
}

has_child() { # PID
	[[ -n $(only_child "$1") ]]
}

# The target gets pid and mount namespaces and a root of its own. Its pid is 1 in there,
# and the path of its file leads nowhere out here.
in_a_box() { # PROGRAM
	rm -rf "$tmp/root"
	mkdir -p "$tmp/root/proc" "$tmp/root/bin"
	cp "$1" "$tmp/root/bin/boxed"
	boxed=(unshare --pid --mount --fork --kill-child --mount-proc="$tmp/root/proc"
		chroot "$tmp/root" /bin/boxed)
}

check_namespaces() {
	local pid

	if ! unshare --pid --mount --fork --mount-proc="$tmp" true 2>/dev/null; then
		skip 7 "no process may have namespaces of its own here"
		return
	fi
	build 1.24 mapzoo stripped
	in_a_box "$bin"
	start_zoo "${boxed[@]}"
	pid=$(only_child "$target")
	is 'namespaces: the target is process 1 there' \
		"$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")" 1
	check_figures 'namespaces' "$pid"
	holds 'namespaces: are noted' "$report" \
		'.target.other_pid_namespace and .target.other_mount_namespace'
	kill -KILL "$pid"
	stop

	build 1.19 churn stripped
	in_a_box "$bin"
	start "${boxed[@]}" -every 0 -inserts-per-s 20000 -deletes-per-s 20000
	pid=$(only_child "$target")
	run 30 report --duration 2s --json "$pid"
	is 'tracing in namespaces: exit code' "$rc" 0
	holds 'tracing in namespaces: inserts are seen' "$out" \
		'any(.maps[]; .activity.insert.hits > 0)'
	kill -KILL "$pid"
	stop
}

# ---- versions ----

# Sets $patched to a copy of $bin that claims to be built by another version.
patch() { # PATTERN REPLACEMENT
	patched=$tmp/patched-zoo
	FROM=$1 TO=$2 perl -0777 -pe 's/(\xff Go buildinf:.{19})\Q$ENV{FROM}\E/$1$ENV{TO}/s or die' \
		"$bin" >"$patched" || bail "no $1 in $bin"
	chmod 755 "$patched"
}

check_old() {
	build 1.19 mapzoo stripped
	patch go1.19 go1.17
	start_zoo "$patched"
	run 10 report --duration 0 "$target"
	refused 'a version too old' 4 'go1\.17.*1\.18'
	stop

	patch go1.19 go7.19
	start_zoo "$patched"
	run 10 report --duration 0 "$target"
	refused 'no version of Go' 4 'go7\.19'
	stop
}

check_without_build_info() {
	build 1.24 mapzoo stripped
	perl -0777 -pe 's/\xff Go buildinf:/\xff No buildinf:/ or die' "$bin" >"$tmp/patched-zoo"
	start_zoo "$tmp/patched-zoo"
	run 10 report --duration 0 "$target"
	refused 'no build info' 4 'build info'
	stop
}

# The function table of Go 1.16 and 1.17 begins with another number. A program that finds
# that number in itself dies. So mapped.pl maps this one and does not run it.
check_old_table() {
	build 1.19 mapzoo stripped
	perl -0777 -pe 's/\xf0\xff\xff\xff\0\0\x01\x08/\xfa\xff\xff\xff\0\0\x01\x08/ or die;
		s/(\xff Go buildinf:.{19})go1\.19/$1go1.17/s or die' "$bin" >"$tmp/patched-zoo"
	start "$e2e/mapped.pl" "$tmp/patched-zoo"
	run 10 report --duration 0 "$target"
	refused 'a function table too old' 4 '1\.1[78]'
	stop
}

# A layout that is not the target's must be noticed, before the report or in it. Otherwise
# it must make no difference.
check_other_layout() { # VERSION CLAIMED
	local name="go$1 that says go$2" status

	build "$1" mapzoo stripped
	patch "go$1" "go$2"
	start_zoo "$patched"
	census "$target"
	status=$(jq -r .census.status "$report")
	if [[ $status == ok ]]; then
		check_fitting "$name"
	elif [[ $status == refused ]]; then
		is "$name: exit code" "$rc" 4
		is "$name: the same on stderr" "$(cat "$err")" "maptrace: $(jq -r .census.reason "$report")"
		holds "$name: refused, with a reason" "$report" '.census.reason | length > 20'
		holds "$name: no figure" "$report" '.maps == [] and .heap == null and .memory == null
			and .findings == [] and .census.totals == null'
	else
		refused "$name" 4 'layout|moduledata'
	fi
	stop
}

check_fitting() { # NAME
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(complaints)" ''
	compare
	holds "$1: it fits, and all figures are right" "$compared" '.found > 500
		and .missing == [] and .tables == [] and .totals_wrong == [] and .inexact == []
		and .garbage == [] and .type_wrong == [] and .bucket_wrong == []
		and (.wrong | all(.[]; . == []))'
	is "$1: so is the heap" "$(jq .heap.in_use_bytes "$report")" \
		"$(jq .memstats.heap_inuse "$truth")"
}

check_layouts() {
	local claimed

	for claimed in 18 20 21 22 23 24 25 26 27 29; do
		check_other_layout 1.19 "1.$claimed"
	done
	for claimed in 18 19 21 22 23 25 26 27 28 29 99; do
		check_other_layout 1.24 "1.$claimed"
	done
}

# Go 1.18 is not in the table of layouts, but its layout is that of 1.19.
check_unknown_version() {
	build 1.19 mapzoo stripped
	patch go1.19 go1.18
	start_zoo "$patched"
	census "$target"
	check_fitting 'an unknown version'
	holds 'an unknown version: the report names the layout' "$report" \
		'.target.go_version[0:6] == "go1.18" and .target.layout_is_of_this_version == false
		and .target.layout == "go1.19"'
	run 30 report --duration 0 "$target"
	ok 'an unknown version: so does the text' \
		grep -q 'go1\.18.* is not in the tables: read with the layout of go1\.19' "$out"
	stop
}

# A trace needs only the layout of a map's header.
check_trace_without_census() {
	build 1.19 churn stripped
	patch go1.19 go1.24
	start "$patched" -every 0 -inserts-per-s 20000 -deletes-per-s 20000
	run 30 report --duration 2s --json "$target"
	is 'tracing without a census: exit code' "$rc" 4
	holds 'tracing without a census: no figure of the heap' "$out" \
		'.census.status == "refused" and .maps == [] and .memory == null'
	run 30 report --duration 1s "$target"
	is 'tracing without a census, as text: exit code' "$rc" 4
	ok 'tracing without a census, as text: the reason' grep -q '^MAPS  cannot be read: ' "$out"
	stop
}

# ---- memory ----

# A program whose runtime variables are at addresses where nothing is mapped.
check_unreadable() {
	local version

	for version in 1.19 1.24; do
		build "$version" mapzoo stripped
		start "$e2e/mapped.pl" "$bin"
		census "$target"
		is "go$version, unreadable: exit code" "$rc" 4
		is "go$version, unreadable: the same on stderr" "$(cat "$err")" \
			"maptrace: $(jq -r .census.reason "$report")"
		holds "go$version, unreadable: refused, with a reason" "$report" '.census
			| .status == "refused" and (.reason | test("cannot read [0-9]+ bytes at 0x"))'
		holds "go$version, unreadable: no figure" "$report" \
			'.maps == [] and .heap == null and .memory == null and .findings == []'
		stop
	done
}

check_full_disk() {
	build 1.24 mapzoo stripped
	start_zoo "$bin"
	for format in --json --top=3; do
		timeout --foreground 20 "$maptrace" report --duration 0 "$format" "$target" \
			>/dev/full 2>"$err"
		rc=$?
		: >"$out"
		with_json=1 # there is no room for a document
		refused "a full disk, $format" 7 'No space left'
	done
	timeout --foreground 20 "$maptrace" report --duration 0 "$target" >&- 2>"$err"
	rc=$?
	refused 'no stdout' 7 'Bad file descriptor'
	"$maptrace" report --help >/dev/full 2>"$err"
	rc=$?
	refused 'a full disk, --help' 7 'No space left'
	stop
}

# ---- an odd place to run in ----

check_place() {
	build 1.24 mapzoo stripped
	start_zoo "$bin"
	(
		ulimit -s 64
		timeout --foreground 60 "$maptrace" report --duration 1s "$target" >"$out" 2>"$err"
	)
	ok 'stacks of 64 KiB' test $? -le 1
	with_json=1
	if may_mount; then
		unshare --mount sh -c 'umount -l /proc; "$@"' - \
			"$maptrace" report --duration 0 "$target" >"$out" 2>"$err"
		rc=$?
		refused 'without /proc' 6 'there is no /proc'
		unshare --pid --fork "$maptrace" report --duration 0 "$target" >"$out" 2>"$err"
		rc=$?
		refused 'the /proc of other processes' 6 'another pid namespace'
		unshare --pid --fork --mount-proc "$maptrace" report --duration 0 "$target" \
			>"$out" 2>"$err"
		rc=$?
		refused 'a pid of the host' 5 'in this pid namespace'
	else
		skip 9 'no mounts here'
	fi
	stop
}

check_command_line
check_no_program
check_kernel_thread
check_zombie
check_not_permitted
check_goes_away
check_file_gone
check_trace_of_deleted
check_namespaces
check_old
check_without_build_info
check_old_table
check_layouts
check_unknown_version
check_trace_without_census
check_unreadable
check_asan
check_full_disk
check_place
finish
