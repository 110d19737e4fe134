# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the end-to-end tests share. A test sources this, calls its assertions and
# ends with `finish`:
#
#   ok NAME COMMAND...           passes when the command succeeds
#   is NAME GOT WANTED
#   holds NAME FILE FILTER [JQ-OPTION...]   a jq filter that must yield true
#   none NAME FILE FILTER [JQ-OPTION...]    a jq filter that must yield nothing
#   skip COUNT REASON            instead of COUNT assertions that can't be made here
#   finish                       prints the plan
#
#   build VERSION PROGRAM VARIANT           sets $bin
#   start COMMAND...             starts a test program, waits for its ready line,
#                                sets $target, its pid
#   ask COMMAND                  sends it a line, prints its answer
#   stop                         ends it
#   pause PID                    stops a process, and waits until all its threads stand
#   may_mount                    whether a process may have mounts of its own here
#   file_kib PID PERMS ROW       KiB in a row of smaps, over the mappings of files
#
#   run LIMIT ARGUMENT...        runs maptrace for at most LIMIT seconds; sets $rc,
#                                its output is in the files $out and $err
#   complaints                   prints $err without the line that says which finding failed
#   too_long                     prints the lines of $out that are longer than 80 columns
#   watch OPTION... PID          starts `maptrace report --fail-on never` in the background
#   watch_ended                  waits for that; sets $rc
#
# MAPTRACE        the program to test, else build/maptrace
# MAPTRACE_CACHE  the cache directory of the test programs, as for scripts/

# bpftool and others are where the shells of users don't look.
PATH=$PATH:/usr/sbin:/sbin

# Texts have 80 columns here, whatever the terminal has.
unset COLUMNS

if [[ $(id -u) != 0 ]]; then
	echo '1..0 # SKIP looking into other processes takes root'
	exit 0
fi

e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(cd "$e2e/../.." && pwd -P)

tests=0 failures=0
target='' rc=0
started=()

tmp=$(mktemp -d) || exit 1
out=$tmp/out err=$tmp/err

# Not every target ends when its input does. Whatever is in `started` is ours.
cleanup() {
	local pid

	for pid in "${started[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# A copy that every user may run: the tree may be out of reach for others.
chmod 755 "$tmp"
maptrace=$tmp/maptrace
cp "${MAPTRACE:-$top/build/maptrace}" "$maptrace" || exit 1

# ---- TAP ----

diag() {
	printf '%s\n' "$@" | sed 's/^/# /'
}

result() { # STATUS NAME
	tests=$((tests + 1))
	if [[ $1 == 0 ]]; then
		printf 'ok %d - %s\n' "$tests" "$2"
		return
	fi
	failures=$((failures + 1))
	printf 'not ok %d - %s\n' "$tests" "$2"
	return 1
}

ok() {
	local name=$1
	shift

	"$@"
	result $? "$name"
}

is() {
	[[ $2 == "$3" ]]
	result $? "$1" || diag "got    '${2:0:300}'" "wanted '${3:0:300}'"
}

holds() {
	local name=$1 file=$2 filter=$3 got
	shift 3

	got=$(jq -c -L "$e2e" "$@" "$filter" "$file" 2>&1)
	[[ $got == true ]]
	result $? "$name" || diag "$filter" "yields $(head -c 300 <<<"$got")"
}

none() {
	local name=$1 file=$2 filter=$3 got status
	shift 3

	got=$(jq -c -L "$e2e" "$@" "$filter" "$file" 2>&1)
	status=$?
	[[ $status == 0 && -z $got ]]
	result $? "$name" && return
	diag "$(wc -l <<<"$got") lines, the first of them:" "$(head -n 5 <<<"$got" | cut -c 1-400)"
}

skip() {
	local i

	for ((i = 0; i < $1; i++)); do
		tests=$((tests + 1))
		printf 'ok %d # SKIP %s\n' "$tests" "$2"
	done
}

# When this line is missing prove knows that the test broke off.
finish() {
	check_documents
	printf '1..%d\n' "$tests"
	exit $((failures > 0))
}

bail() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

# ---- waiting ----

# wait_for SECONDS COMMAND...: until the command succeeds; fails when it doesn't.
wait_for() {
	local end=$((SECONDS + $1))
	shift

	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

# Containers often forbid it, even to root.
may_mount() {
	unshare --mount mount --bind "$tmp" "$tmp" 2>/dev/null
}

is_dead() {
	! kill -0 "$1" 2>/dev/null
}

# ---- test programs ----

build_dir() {
	printf '%s\n' "${MAPTRACE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/maptrace}/tests"
}

build() {
	bin=$(build_dir)/$2-$1-$3
	"$top/tests/targets/build.sh" "$1" "$2" "$3" "$bin" >&2 ||
		bail "cannot build $2 with Go $1, $3"
}

# Starts a program with pipes at both ends, and does not wait for anything.
launch() {
	rm -f "$tmp/in" "$tmp/from"
	mkfifo "$tmp/in" "$tmp/from"
	"$@" <"$tmp/in" >"$tmp/from" 2>"$tmp/target-err" &
	target=$!
	started+=("$target")
	exec {to}>"$tmp/in" {from}<"$tmp/from"
}

# A line may have 10 MB, and bash's own read takes it byte by byte; head does not. It reads
# ahead, but there is never more than one line to read.
answer() {
	timeout 120 head -n 1 <&"$from"
}

start() {
	launch "$@"
	[[ $(answer) == *'"ready":true'* ]] || bail "$1 did not start: $(cat "$tmp/target-err")"
}

ask() {
	printf '%s\n' "$1" >&"$to"
	answer
}

stop() {
	kill -KILL "$target" 2>/dev/null
	wait "$target" 2>/dev/null
	exec {to}>&- {from}<&-
}

is_stopped() { # PID
	! cat "/proc/$1/task"/*/stat | grep -qv ') T '
}

pause() { # PID
	kill -STOP "$1"
	wait_for 20 is_stopped "$1"
}

# PERMS is a pattern: '^...p$'.
file_kib() { # PID PERMS ROW
	awk -v perms="$2" -v row="$3:" '
		$1 ~ /^[0-9a-f]+-[0-9a-f]+$/ { counts = $6 ~ /^\// && $2 ~ perms }
		$1 == row && counts { sum += $2 }
		END { print sum + 0 }' "/proc/$1/smaps"
}

# ---- maptrace ----

run() {
	local limit=$1
	shift

	[[ " $* " == *' --json '* ]]
	with_json=$?
	timeout --foreground -k 5 "$limit" "$maptrace" "$@" >"$out" 2>"$err"
	rc=$?
	keep_document
}

# With exit code 1 stderr has one line that says why.
complaints() {
	grep -v '^maptrace: failed on ' "$err"
}

# ---- every document fits the schema ----

documents=0
DOCUMENTS_MAX=40 DOCUMENT_MAX=$((4 << 20))

# Keeps what maptrace has just printed, if it is a report in JSON. What ended in mid-write
# is no document.
keep_document() {
	[[ $(head -c 30 "$out" | tr -d '\n\0') == '{"schema":"maptrace.report'* ]] || return 0
	[[ $(tail -c 2 "$out") == '}' && $documents -lt $DOCUMENTS_MAX ]] || return 0
	[[ $(stat -c %s "$out") -lt $DOCUMENT_MAX || $documents == 0 ]] || return 0
	documents=$((documents + 1))
	mkdir -p "$tmp/documents"
	cp "$out" "$tmp/documents/$documents.json"
}

check_documents() {
	[[ $documents -gt 0 ]] && python3 -c 'import jsonschema' 2>/dev/null || return 0
	python3 "$e2e/fits_schema.py" "$top/user/report/report.schema.json" \
		"$tmp/documents"/*.json >"$tmp/misfits" 2>&1
	result $? "the $documents documents that this test made fit the schema, and their verdicts the body" ||
		diag "$(head -n 20 "$tmp/misfits")"
}

# A name may be longer than a line. It is alone on its line then.
too_long() {
	LC_ALL=C.UTF-8 awk 'length > 80 && !/^ +[^ ]+$/' "$out"
}

# The pid of the process that does the work for the maptrace that was started, or that itself.
worker_of() { # PID
	pgrep -P "$1" -x maptrace | head -n 1 | grep . || printf '%s\n' "$1"
}

# How many links and events a running maptrace holds in its target.
attachments() { # PID
	local fd

	for fd in "/proc/$(worker_of "$1")/fd"/*; do
		readlink "$fd"
	done 2>/dev/null | grep -cE 'bpf_link|\[perf_event\]'
}

# The probes on rare functions stay. Those of a window do not, nor those on the child of
# maptrace that the price of a hit is measured on. The process that puts probes in and takes
# them out is a child, too, but it has a process group of its own.
is_attached() { # PID
	local i group worker

	worker=$(worker_of "$1")
	group=$(ps -o pgid= -p "$worker")
	for i in 1 2 3 4; do
		[[ $(attachments "$1") -gt 0 ]] && ! pgrep -P "$worker" -g "${group// /}" >/dev/null ||
			return 1
		sleep 0.05
	done
}

# text_is_clean PID: no breakpoint is in the code of the process. The code is that of its
# file, byte by byte.
text_is_clean() {
	local range perms offset path start size seen=''

	while read -r range perms offset _ _ path; do
		[[ $perms == r-xp && $path == /* && $path != *.so* ]] || continue
		start=$((16#${range%-*}))
		size=$((16#${range#*-} - start))
		cmp -s <(bytes_of "/proc/$1/mem" "$start" "$size") \
			<(bytes_of "/proc/$1/exe" $((16#$offset)) "$size") || return 1
		seen=1
	done <"/proc/$1/maps"
	[[ -n $seen ]]
}

bytes_of() { # FILE OFFSET SIZE
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="$2" count="$3" status=none
}

# Starts maptrace in the background. Its probes are in the target when this returns.
watch() { # OPTION... PID
	"$maptrace" report --fail-on never "$@" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	wait_for 30 is_attached "$watcher"
}

watch_ended() {
	wait "$watcher" 2>/dev/null
	rc=$?
	keep_document
}

# What a refusal looks like: the exit code, one line on stderr (and another that says where help
# is, if it is an option that does not exist), and nothing on stdout; or with --json a document that says the same.
refused() { # NAME CODE PATTERN
	is "$1: exit code" "$rc" "$2"
	if [[ $with_json == 0 ]]; then
		is "$1: the document says the same" \
			"$(jq -r '"\(.error.code) maptrace: \(.error.message)"' "$out")" "$2 $(cat "$err")"
	else
		is "$1: nothing on stdout" "$(head -c 200 "$out")" ''
	fi
	is "$1: one line on stderr" "$(grep -vc ' --help` lists the options$' "$err")" 1
	[[ $(cat "$err") == 'maptrace: '* && $(cat "$err") =~ $3 ]]
	result $? "$1: says why" || diag "'$(head -n 3 "$err")' is not like '$3'"
}
