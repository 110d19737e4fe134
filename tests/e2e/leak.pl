#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Leaves a breakpoint in a process. The kernel does that when a process is killed while it
# takes its uprobes out: the kernel gives up looking up the page of code.
#
#   leak.pl PID OFFSET
#
# Puts uprobes on one place of the process's executable, by its offset in the file. They are
# so many that taking them out takes a while; the last one to go takes the breakpoint. The
# process that takes them out is killed meanwhile. The kill may come too late: look, and
# try again.
use strict;
use warnings;
use POSIX 'uname';
use Time::HiRes 'usleep';

# The numbers of system calls, and of the kernel's include/uapi/linux/bpf.h.
die "not for this machine\n" if (uname)[4] ne 'x86_64';
use constant { SYS_bpf => 321 };
use constant { BPF_PROG_LOAD => 5, BPF_LINK_CREATE => 28 };
use constant { BPF_PROG_TYPE_KPROBE => 2, BPF_TRACE_UPROBE_MULTI => 48 };
use constant { TIMES => 20000 };

sub address {
	return unpack 'Q', pack 'p', $_[0];
}

# return 0
sub load {
	my $insns = pack 'CCsl CCsl', 0xb7, 0, 0, 0, 0x95, 0, 0, 0;
	my $license = "GPL\0";
	my $attr = pack 'L2Q2 L2Q L2 x16 L2', BPF_PROG_TYPE_KPROBE, 2, address($insns),
	    address($license), 0, 0, 0, 0, 0, 0, BPF_TRACE_UPROBE_MULTI;
	my $fd = syscall SYS_bpf, BPF_PROG_LOAD, $attr, length $attr;
	die "loading a program: $!\n" if $fd < 0;
	return $fd;
}

sub attach {
	my ($prog, $pid, $at) = @_;
	my $path = "/proc/$pid/exe\0";
	my $offsets = pack('Q', $at) x TIMES;
	my $attr = pack 'L4 Q4 L4', $prog, 0, BPF_TRACE_UPROBE_MULTI, 0, address($path),
	    address($offsets), 0, 0, TIMES, 0, $pid, 0;
	my $fd = syscall SYS_bpf, BPF_LINK_CREATE, $attr, length $attr;
	die "attaching: $!\n" if $fd < 0;
	return $fd;
}

my ($pid, $at) = @ARGV;
my $prog = load();
pipe my $from, my $to or die "pipe: $!\n";
my $child = fork // die "fork: $!\n";
if (!$child) {
	my $link = attach($prog, $pid, $at);
	syswrite $to, 'x';
	POSIX::close($link);
	exit 0;
}
close $to;
sysread $from, my $byte, 1 or exit 1;
usleep 500;
kill 'KILL', $child;
waitpid $child, 0;
