#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks what the documents and the code say about each other:
#
#   - each "(go-runtime facts N.N)" in the code has its heading in docs/go-runtime.md;
#   - each relative link in a Markdown file leads to a file, and its #anchor to a heading;
#   - each path in backticks that begins with a folder of the tree, or is a C file in a
#     folder of user/, exists (`scripts/*.sh`, `base/err.h`);
#   - each function that docs/architecture.md or CONTRIBUTING.md names exists (`heap_open()`).
#
#   scripts/check-docs.sh [TREE]         (the tree that this script is in)
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1

failures=0 checked=0

fail() {
	printf '%s\n' "$*" >&2
	failures=$((failures + 1))
}

# Prints "FILE NUMBER" for each number in "facts 1.2, 1.3". A comment may break anywhere.
# shellcheck disable=SC2016 # perl expands these, not the shell
cited_facts() {
	grep -rlE --include='*.[ch]' --include='*.sh' --include='*.t' --include='*.go' \
		'facts' user bpf tests scripts |
		xargs perl -0777 -ne '
			s/\n[ \t]*(?:\*|\/\/|#)?[ \t]*/ /g;
			while (/go-runtime facts ((?:\d+(?:\.\d+)?(?:,? and |, )?)+)/g) {
				my $list = $1;
				print "$ARGV $1\n" while $list =~ /(\d+(?:\.\d+)?)/g;
			}'
}

# Prints "FILE TARGET" for each relative link, without the code in the file.
# shellcheck disable=SC2016
links() {
	perl -0777 -ne '
		s/^```.*?^```//msg;
		s/`[^`\n]*`//g;
		while (/\]\(([^()\s]+)\)/g) {
			print "$ARGV $1\n" unless $1 =~ /^[a-z]+:/;
		}' "$@"
}

# Prints "FILE PATH" for each path of the tree in backticks. A word with a placeholder in
# capitals (tests/e2e/NAME.t) is not a path.
# shellcheck disable=SC2016
paths() {
	perl -0777 -ne '
		s/^```.*?^```//msg;
		while (/`([^`\n]+)`/g) {
			for my $word (split / /, $1) {
				$word =~ s/[,;:]$//;
				next if $word =~ m{[A-Z]{3,}\b(?!\.md)|\[ch\]|…};
				$word = "user/$word" if $word =~
					m{^(base|arch|process|heap|maps|trace|model|report|cmd)/\w+\.[ch]$};
				next unless $word =~ m{^(user|bpf|scripts|tests|docs|vmlinux|\.ci)/};
				print "$ARGV $word\n";
			}
		}' "$@"
}

# Prints "FILE NAME" for each function in backticks.
# shellcheck disable=SC2016
functions() {
	perl -ne 'print "$ARGV $1\n" while /`(\w+)\(\)`/g' docs/architecture.md CONTRIBUTING.md
}

# The anchors of a file's headings, as GitHub makes them.
# shellcheck disable=SC2016
anchors() {
	perl -ne '
		$code = !$code if /^```/;
		if (!$code && /^#+ +(.*)/) {
			my $anchor = lc $1;
			$anchor =~ s/[^a-z0-9 _-]//g;
			$anchor =~ tr/ /-/;
			print "$anchor\n";
		}' "$1"
}

mapfile -t documents < <(find . -name '*.md' -not -path './build/*' -not -path './.git/*' | sed 's#^\./##' | sort)
[[ ${#documents[@]} -gt 0 && -f docs/go-runtime.md ]] || { echo "no documents here" >&2; exit 1; }

headings=$(grep -oE '^#+ [0-9]+(\.[0-9]+)?' docs/go-runtime.md | sed 's/^#* //')
while read -r file number; do
	checked=$((checked + 1))
	grep -qxF "$number" <<<"$headings" ||
		fail "$file: docs/go-runtime.md has no section $number"
done < <(cited_facts)
[[ $checked -gt 0 ]] || fail "no comment refers to docs/go-runtime.md"

while read -r file link; do
	checked=$((checked + 1))
	target=${link%%#*}
	[[ $link == '#'* ]] && target=$(basename "$file")
	path=$(dirname "$file")/$target
	if [[ ! -e $path ]]; then
		fail "$file: a link leads to $link, which is not there"
	elif [[ $link == *'#'* ]]; then
		anchors "$path" | grep -qxF -- "${link#*#}" || fail "$file: $target has no heading for #${link#*#}"
	fi
done < <(links "${documents[@]}")

while read -r file path; do
	checked=$((checked + 1))
	compgen -G "$path" >/dev/null || fail "$file: there is no $path"
done < <(paths "${documents[@]}")

while read -r file name; do
	checked=$((checked + 1))
	grep -rqE --include='*.[ch]' "\b$name\(" user bpf || fail "$file: there is no $name()"
done < <(functions)

printf '%d documents, %d references, %d failures\n' "${#documents[@]}" "$checked" "$failures"
[[ $failures == 0 ]]
