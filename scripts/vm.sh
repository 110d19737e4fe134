#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs a command as root under another kernel: boots a Debian kernel in qemu with only
# busybox, maptrace and some files in memory. The command's output and exit code are those of
# this script. Exit code 124 is a timeout, 125 a machine that failed.
#
#   scripts/vm.sh [-f FILE]... [-t SECONDS] [-m MIB] [-s MIB] [-v] KERNEL -- COMMAND...
#   scripts/vm.sh bookworm -- uname -r
#
#   KERNEL      a suite, whose cloud kernel is unpacked into the cache; or a
#               bootable kernel image with serial ports and devtmpfs built in
#   -f FILE     put it, and the libraries it needs, into the machine's PATH
#   -t SECONDS  time from power on to the end (120)
#   -m MIB      memory (1024)
#   -s MIB      swap space (none)
#   -v          show the kernel's messages as they come
#
# There is no network, no input, and no disk except for swap. The processor is emulated, so
# it works everywhere, but several times slower.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=scripts/apt-private.sh
. "$here/apt-private.sh"

usage() {
	sed -n '3,/^set/{s/^# \{0,1\}//p}' "$0" >&2
	exit 2
}

limit=120 memory=1024 swap=0 console_to=/dev/null quiet=quiet
files=("${MAPTRACE:-$here/../build/maptrace}")
while getopts f:t:m:s:v option; do
	case $option in
	f) files+=("$OPTARG") ;;
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	s) swap=$OPTARG ;;
	v) console_to=/dev/stderr quiet='' ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -ge 3 && $2 == -- && $limit$memory$swap != *[!0-9]* ]] || usage
kernel=$1
shift 2

fail() {
	say "$@"
	exit 125
}

for tool in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio; do
	command -v "${tool%:*}" >/dev/null || fail "needs ${tool%:*} (package ${tool#*:})"
done
[[ $(uname -m) == x86_64 ]] || fail "knows amd64 kernels only"

# The documentation of an empty package names the package of the newest kernel.
kernel_of_suite() {
	local cache meta=linux-image-cloud-amd64 dir package
	local -a images

	cache=$(cache_root) || return
	dir=$cache/kernels/$1
	[[ -d $dir/meta ]] || apt_private_unpack "$1" "$dir/meta" "$meta" || return
	package=$(readlink "$dir/meta/usr/share/doc/$meta") || return
	[[ -d $dir/$package ]] || apt_private_unpack "$1" "$dir/$package" "$package" || return
	images=("$dir/$package"/boot/vmlinuz-*)
	printf '%s\n' "${images[0]}"
}

if [[ $kernel == */* ]]; then
	image=$kernel
else
	[[ $kernel == [a-z]* && $kernel != *[!a-z0-9-]* ]] || usage
	image=$(kernel_of_suite "$kernel") || fail "no kernel of '$kernel'"
fi
[[ -r $image ]] || fail "cannot read the kernel image '$image'"

tmp=$(mktemp -d)
vm='' tail=''
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	# shellcheck disable=SC2086 # none, or a number each
	[[ -z $vm$tail ]] || kill $vm $tail 2>/dev/null || true
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 125' INT TERM HUP

# ---- the file system ----

root=$tmp/root
mkdir -p "$root"/{bin,dev,proc,sys,tmp,vm}
cp "$(command -v busybox)" "$root/bin/busybox"

add_libraries() {
	local lib

	# A static program has none; ldd says so with an error.
	for lib in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		[[ -e $root$lib ]] || install -D "$lib" "$root$lib"
	done
}

for file in "${files[@]}"; do
	[[ -r $file ]] || fail "cannot read '$file'"
	cp "$file" "$root/vm/"
	add_libraries "$file"
done

# Every shell reads words in single quotes alike.
quote() {
	local word

	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

# One serial port for each stream, so that the streams need not be told apart. A port keeps
# its settings while it is open. The last close waits for the output.
cat >"$root/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/vm:/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tracefs tracefs /sys/kernel/tracing
for disk in /dev/nvme?n1; do [ -b \$disk ] && mkswap \$disk >/dev/null && swapon \$disk; done
exec 3>/dev/ttyS1 4>/dev/ttyS2 5>/dev/ttyS3
for port in 1 2 3; do stty -F /dev/ttyS\$port raw; done
cd /vm
$(quote "$@") </dev/null >&3 2>&4
echo "\$?" >&5
kill -KILL -1
exec 3>&- 4>&- 5>&-
reboot -f
INIT
chmod 755 "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$tmp/initramfs"

# ---- the machine ----

# Debian's kernels have the driver built in.
disk=()
if [[ $swap != 0 ]]; then
	truncate -s "${swap}M" "$tmp/swap"
	disk=(-drive "file=$tmp/swap,format=raw,if=none,id=swap"
		-device "nvme,drive=swap,serial=swap")
fi

: >"$tmp/console"
tail -f "$tmp/console" >"$console_to" &
tail=$!

# Two faults of qemu are avoided. One thread emulates both processors: with two threads a
# processor may run into a breakpoint that the other has just removed from the kernel's
# code, as the kernel does when it attaches probes. And cx16 is off: cmpxchg16b may leave
# wrong flags, on which Linux 6.12 panics. Randomized addresses and mitigations are off,
# since they take seconds and change nothing here. A panic restarts the machine, which ends
# qemu.
timeout --foreground -k 5 "$limit" qemu-system-x86_64 \
	-machine pc -accel tcg,thread=single -cpu max,la57=off,cx16=off -smp 2 -m "$memory" \
	-nodefaults -no-user-config -display none -nic none -no-reboot "${disk[@]}" \
	-serial "file:$tmp/console" -serial "file:$tmp/stdout" \
	-serial "file:$tmp/stderr" -serial "file:$tmp/status" \
	-kernel "$image" -initrd "$tmp/initramfs" \
	-append "console=ttyS0 $quiet panic=-1 nokaslr mitigations=off" \
	</dev/null >"$tmp/qemu" 2>&1 &
vm=$!
rc=0
wait "$vm" || rc=$?
vm=''

cat "$tmp/stdout" 2>/dev/null || true
cat "$tmp/stderr" >&2 2>/dev/null || true
if [[ $rc == 124 || $rc == 137 ]]; then
	say "not finished after $limit s"
	exit 124
fi
if [[ ! -s $tmp/status ]]; then
	tail -n 60 "$tmp/qemu" "$tmp/console" >&2
	fail "the machine ended without a result"
fi
exit "$(<"$tmp/status")"
