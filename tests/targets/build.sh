#!/bin/bash
# Builds one test program with one Go version, in one of the ways in which programs are
# shipped. Does nothing when OUT is newer than all sources, so use another OUT for another
# version or variant.
#
#   tests/targets/build.sh VERSION PROGRAM VARIANT OUT
#
#   VERSION  a version that scripts/go-toolchain.sh knows
#   PROGRAM  a folder beside this script
#   VARIANT  plain          go build
#            sw             -ldflags='-s -w'
#            stripped       strip
#            pie            position independent
#            pie-stripped
#            cgo-external   linked by gcc, with cgo's runtime
#            debian         as Debian ships: trimpath, pie, linked by gcc, strip
#            race           race detector
#            asan           address sanitizer of gcc
#            pgo            with a CPU profile of the program itself (Go 1.21)
#            c-shared       a library, OUT.so; OUT is a C program that loads it
#            plugin         a program that loads OUT.so, its folder `plugin`
#            noopt          -gcflags='all=-N -l'
#            noswissmap     classic maps in Go 1.24 and 1.25
#            mapsplitgroup  the other group layout of Go 1.27
#            greenteagc     the new collector in Go 1.25
#            nogreenteagc   the old collector in Go 1.26 and 1.27
#            arenas         package arena, for user arenas; stripped
set -euo pipefail

[[ $# == 4 ]] || { sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
version=$1 program=$2 variant=$3 out=$4

here=$(cd "$(dirname "$0")" && pwd -P)
[[ -f $here/$program/main.go ]] || { echo "${0##*/}: no program '$program'" >&2; exit 2; }

flags=() ldflags=() strip='' cgo=0 experiment='' profile='' library='' plugin=''
case $variant in
plain) ;;
sw) ldflags=(-s -w) ;;
stripped) strip=1 ;;
pie) flags=(-buildmode=pie) ;;
pie-stripped) flags=(-buildmode=pie) strip=1 ;;
cgo-external) ldflags=(-linkmode=external) cgo=1 ;;
debian) flags=(-buildmode=pie -trimpath) ldflags=(-linkmode=external) strip=1 cgo=1 ;;
race) flags=(-race) cgo=1 ;;
asan) flags=(-asan) cgo=1 ;;
pgo) profile=1 ;;
c-shared) flags=(-buildmode=c-shared -tags=cshared) library=1 cgo=1 ;;
plugin) plugin=1 cgo=1 ;;
noopt) flags=(-gcflags='all=-N -l') ;;
noswissmap | mapsplitgroup | greenteagc | nogreenteagc) experiment=$variant ;;
arenas) experiment=$variant ldflags=(-s -w) ;;
*) echo "${0##*/}: no variant '$variant'" >&2; exit 2 ;;
esac

mkdir -p "$(dirname "$out")"
out=$(cd "$(dirname "$out")" && pwd -P)/${out##*/}
newer=$(find "$here/lib" "$here/$program" "$here/go.mod" "$here/build.sh" \
	-type f ! -name '*.md' -newer "$out" -print -quit 2>/dev/null || echo missing)
[[ -n $newer || ! -e $out ]] || exit 0

go=$("$here/../../scripts/go-toolchain.sh" "$version")
# Built beside OUT and then renamed: OUT may be running, or somebody else may build it, too.
tmp=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# A go from PATH has its user's settings. Nothing here needs the network, nor the version
# control stamp, which fails in a repository without a commit.
cd "$here"
go_build() { # OUT FLAG...
	go_build_of "./$program" "$@"
}

go_build_of() { # PACKAGE OUT FLAG...
	env -u GOFLAGS GOENV=off GOTOOLCHAIN=local GOPROXY=off GO111MODULE=on GOWORK=off \
		CGO_ENABLED="$cgo" GOEXPERIMENT="$experiment" \
		"$go" build -buildvcs=false "${@:3}" -ldflags="${ldflags[*]}" -o "$2" "$1"
}

# The compiler does not say when it makes no use of a profile.
if [[ -n $profile ]]; then
	go_build "$tmp/profiled" -tags=profile
	MAPTRACE_CPU_PROFILE=$tmp/cpu.pprof "$tmp/profiled" </dev/null >/dev/null
	flags+=("-pgo=$tmp/cpu.pprof")
fi
if [[ -n $library ]]; then
	go_build "$tmp/library" "${flags[@]}"
	cc -O2 -o "$tmp/program" lib/shared/host.c -ldl
	mv "$tmp/library" "$out.so"
else
	go_build "$tmp/program" "${flags[@]}"
fi
if [[ -n $plugin ]]; then
	go_build_of "./$program/plugin" "$tmp/plugin" -buildmode=plugin
	mv "$tmp/plugin" "$out.so"
fi
if [[ -n $strip ]]; then
	strip "$tmp/program"
fi
chmod 755 "$tmp/program"
mv "$tmp/program" "$out"
