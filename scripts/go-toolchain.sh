#!/bin/bash
# Prints the path of a `go` of one minor version, to build test programs with: the one on
# PATH if it fits, else Debian's, unpacked into a cache outside the tree. Does not change the
# system. Messages go to stderr.
#
#   scripts/go-toolchain.sh 1.19
#   scripts/go-toolchain.sh --list      the versions known, oldest first
set -euo pipefail
# shellcheck source=scripts/apt-private.sh
. "$(dirname "$0")/apt-private.sh"

versions=(1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27)

suite_of() {
	case $1 in
	1.19) echo bookworm ;;
	1.21 | 1.22 | 1.23) echo bookworm-backports ;;
	1.24) echo trixie ;;
	1.25 | 1.26 | 1.27) echo trixie-backports ;;
	*) die "no Go '$1': one of ${versions[*]}" ;;
	esac
}

[[ $# == 1 ]] || { echo "usage: $0 VERSION | --list" >&2; exit 2; }
if [[ $1 == --list ]]; then
	printf '%s\n' "${versions[@]}"
	exit
fi
version=$1
suite=$(suite_of "$version")

# GOTOOLCHAIN=local: the version of this binary, not of one that it would download.
if found=$(command -v go) &&
	[[ $(GOTOOLCHAIN=local "$found" env GOVERSION 2>/dev/null) =~ ^go"$version"([^0-9]|$) ]]; then
	printf '%s\n' "$found"
	exit
fi

cache=$(cache_root)
root=$cache/go/$version
goroot=$root/usr/lib/go-$version
go=$root/go

# The wrapper makes the unpacked tree work whatever the caller's Go settings are, and keeps
# all that it writes in the cache.
write_wrapper() {
	local tmp

	tmp=$(mktemp "$root/.go.XXXXXX")
	cat >"$tmp" <<-WRAPPER
		#!/bin/sh
		export GOROOT='$goroot' GOCACHE='$cache/go-build' GOPATH='$cache/gopath'
		export GOTOOLCHAIN=local GOPROXY=off GOENV=off
		# Where Go 1.23 and later count their own use.
		export XDG_CONFIG_HOME='$cache/go-config'
		unset GOFLAGS GOEXE GOBIN
		exec "\$GOROOT/bin/go" "\$@"
	WRAPPER
	chmod 755 "$tmp"
	mv "$tmp" "$go"
}

if [[ ! -x $go ]]; then
	[[ -d $root ]] || apt_private_unpack "$suite" "$root" "golang-$version-go" "golang-$version-src"
	[[ -x $goroot/bin/go && -d $goroot/src/runtime/ ]] ||
		die "the packages of Go $version are not laid out as expected below $root"
	write_wrapper
fi
printf '%s\n' "$go"
