#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs what is missing to build and test maptrace, and says what. Does nothing, quickly,
# when nothing is missing. Knows Debian and Ubuntu; elsewhere it names the packages and
# fails. clang-format is not among them: scripts/clang-format.sh has a version of its own.
set -eu

# What is needed: how to check for it | Debian's package | Fedora's package.
needs() {
	cat <<'LIST'
cc|gcc|gcc
make|make|make
clang|clang|clang
bpftool|bpftool|bpftool
jq|jq|jq
prove|perl|perl-Test-Harness
strip|binutils|binutils
pgrep|procps|procps-ng
header:bpf/libbpf.h|libbpf-dev|libbpf-devel
header:libelf.h|libelf-dev|elfutils-libelf-devel
header:elfutils/libdw.h|libdw-dev|elfutils-devel
header:capstone/capstone.h|libcapstone-dev|capstone-devel
header:jansson.h|libjansson-dev|jansson-devel
header:cmocka.h|libcmocka-dev|libcmocka-devel
header:zlib.h|zlib1g-dev|zlib-devel
header:ncurses.h|libncurses-dev|ncurses-devel
tmux|tmux|tmux
scdoc|scdoc|scdoc
mandoc|mandoc|mandoc
man|man-db|man-db
zsh|zsh|zsh
python:jsonschema|python3-jsonschema|python3-jsonschema
LIST
}

present() {
	case $1 in
	header:*) for dir in /usr/include /usr/local/include /usr/include/"$(uname -m)"-linux-gnu; do
			[ -e "$dir/${1#header:}" ] && return 0
		  done
		  return 1 ;;
	python:*) python3 -c "import ${1#python:}" 2>/dev/null ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1 ;;
	esac
}

missing() { # column
	needs | while IFS='|' read -r what debian fedora; do
		present "$what" && continue
		case $1 in debian) echo "$debian" ;; fedora) echo "$fedora" ;; esac
	done
}

packages=$(missing debian | tr '\n' ' ')
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "deps.sh: missing; on Fedora: dnf install $(missing fedora | tr '\n' ' ')" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "deps.sh: missing; as root: apt-get install $packages" >&2
	exit 1
fi
echo "installing: $packages"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one word a package
apt-get install -y -qq --no-install-recommends $packages >/dev/null
