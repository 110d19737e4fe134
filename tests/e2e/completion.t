#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completion in bash and zsh: verbs, options, values and processes are those of the program.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

PATH=$(dirname "$maptrace"):$PATH
scripts=$top/scripts/completion
verbs=$("$maptrace" --help | sed -nE 's/^  ([a-z]+) .*/\1/p' | sort)

# in_bash WORD...: what bash offers for the last word, sorted.
in_bash() {
	bash --norc -c '
		compopt() { :; } # not inside a completion
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_maptrace "$1"
		printf "%s\n" "${COMPREPLY[@]}"' bash "$scripts/maptrace.bash" "$@" 2>"$err" | sort
}

# in_zsh WORD...: what the function hands to zsh's own, a specification on each line.
in_zsh() {
	zsh -f -c '
		_arguments() { print -rl -- "$@"; _maptrace_processes }
		_describe() { print -rl -- "${(P@)4}" }
		file=$1
		shift
		words=("$@") CURRENT=$#
		. $file' zsh "$scripts/_maptrace" "$@" 2>"$err"
}

options() { # VERB
	"$maptrace" "$1" --list-options
}

is 'bash: verbs' "$(in_bash maptrace '' | grep -xE "$(paste -sd'|' <<<"$verbs")")" "$verbs"
is 'bash: the start of a verb' "$(in_bash maptrace rep | grep -x report)" report
is 'zsh: verbs' "$(in_zsh maptrace '' | sed -nE 's/^([a-z]+):.* .*/\1/p' | sort -u)" "$verbs"
for verb in $verbs; do
	is "bash: long options of $verb" "$(in_bash maptrace "$verb" -- | tr -d = | sort)" \
		"$( (options "$verb" | cut -f 2; echo --help) | sort)"
	is "bash: short options of $verb" "$(in_bash maptrace "$verb" - | grep -E '^-[a-z]$')" \
		"$(options "$verb" | cut -f 1 | grep . | sort)"
	is "zsh: options of $verb" "$(in_zsh maptrace "$verb" -- | grep -oE '^--[a-z-]+' | sort)" \
		"$(options "$verb" | cut -f 2 | sort)"
	is "$verb: no complaint" "$(cat "$err")" ''
done
is 'bash: a report without a verb' "$(in_bash maptrace --dur)" --duration=
is 'bash: values' "$(in_bash maptrace report --color = a | paste -sd' ')" 'always auto'

# Values stand in both scripts; the text of the option has each of them.
while read -r option values; do
	text=$("$maptrace" report --list-options; "$maptrace" top --list-options)
	text=$(grep -P "^[^\t]*\t$option\t" <<<"$text")
	for value in $values; do
		ok "$option: $value is in its help" grep -qw -- "$value" <<<"$text"
		ok "$option: zsh has $value, too" grep -qE "\"$option\"\] = .*[( ]$value[ )]" "$scripts/_maptrace"
	done
done < <(sed -nE "s/^\t(--[a-z-]+)\) .*compgen -W '([^']*)'.*/\1 \2/p" "$scripts/maptrace.bash")

build 1.24 mapzoo stripped
start "$bin"
is 'bash: processes' "$(in_bash maptrace report "$target" | paste -sd' ')" "$target"
ok 'zsh: processes' grep -qx "$target" <(in_zsh maptrace report '')
ok 'bash: their names' grep -qx "$(basename "$bin")" <(in_bash maptrace report mapz)
stop
finish
