# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completion for bash: verbs, options, values, and the Go processes of this host. The program
# itself lists its verbs and options.

_maptrace_verbs() {
	"$1" --help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p'
}

# The verb of the command line; a report is what comes without one.
_maptrace_verb() {
	local verb

	for verb in $(_maptrace_verbs "$1"); do
		[[ ${COMP_WORDS[1]} == "$verb" ]] && echo "$verb" && return
	done
	echo report
}

# Long and short options; those that need a value come with a = at the end.
_maptrace_options() { # PROGRAM VERB
	"$1" "$2" --list-options 2>/dev/null | awk -F'\t' '{
		if ($1 != "")
			print $1
		print $2 ($3 != "" && $3 !~ /^\[/ ? "=" : "")
	} END { print "--help" }'
}

_maptrace_processes() {
	"$1" ps --json 2>/dev/null | grep -oE '"(pid|command)": ?("[^"]*"|[0-9]+)' |
		sed -E 's/^"[a-z]+": ?//; s/"//g'
}

# _maptrace_value OPTION PREFIX: what an option takes.
_maptrace_value() {
	case $1 in
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$2") ;;
	--graph) mapfile -t COMPREPLY < <(compgen -W 'full holders off' -- "$2") ;;
	--fail-on) mapfile -t COMPREPLY < <(compgen -W 'info warn critical never' -- "$2") ;;
	--sort) mapfile -t COMPREPLY < <(compgen -W 'tables keys slots load back retained maps ins/s del/s gain/s' -- "$2") ;;
	--from | --since | --json | --html | --pprof | --prometheus | --output | -o)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		;;
	esac
}

_maptrace() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb

	COMPREPLY=()
	# bash takes --color=al for three words.
	if [[ $word == = ]]; then
		_maptrace_value "$before" ''
		return
	elif [[ $before == = ]]; then
		_maptrace_value "${COMP_WORDS[COMP_CWORD - 2]}" "$word"
		return
	elif [[ $before == -o ]]; then
		_maptrace_value -o "$word"
		return
	fi
	verb=$(_maptrace_verb "$1")
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_maptrace_options "$1" "$verb")" -- "$word")
		[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
		return
	fi
	mapfile -t COMPREPLY < <(
		((COMP_CWORD == 1)) && compgen -W "$(_maptrace_verbs "$1") help" -- "$word"
		compgen -W "$(_maptrace_processes "$1")" -- "$word" | sort -u
		[[ $verb == diff ]] && compgen -f -- "$word"
	)
}

complete -F _maptrace maptrace
