#!/bin/bash
# Unpacks one Debian package of one suite, without what it depends on, into a cache outside
# the tree and prints the directory: real daemons to try maptrace on, and tools that need no
# more than the C library. Nothing is installed or started.
#
#   scripts/debian-daemon.sh bookworm prometheus
#   scripts/debian-daemon.sh trixie etcd-server
set -euo pipefail
# shellcheck source=scripts/apt-private.sh
. "$(dirname "$0")/apt-private.sh"

[[ $# == 2 && $1$2 != *[!a-z0-9.+-]* && $1 == [a-z]* && $2 == [a-z0-9]* ]] || {
	echo "usage: $0 SUITE PACKAGE" >&2
	exit 2
}
cache=$(cache_root)
root=$cache/daemons/$1/$2
if [[ ! -d $root ]]; then
	apt_private_unpack "$1" "$root" "$2"
fi
printf '%s\n' "$root"
