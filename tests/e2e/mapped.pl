#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Maps the segments of an executable into this process, where the loader would place them,
# but without the memory that follows its variables, and does not run it. For maptrace that
# is a Go program of which most cannot be read. Then it makes exactly the memory calls that
# it is told to make:
#
#   mapped.pl FILE
#     map N BYTES          N anonymous mappings, of which the others use the last one
#     unmap N BYTES        N times the first BYTES of it, mapped anew in between
#     advise N BYTES ADVICE
#     misadvise N BYTES ADVICE    at an address that is not one of a page
#
# Each line is answered with "done".
use strict;
use warnings;
use POSIX 'uname';

# The numbers of system calls.
die "not for this machine\n" if (uname)[4] ne 'x86_64';
use constant { SYS_mmap => 9, SYS_munmap => 11, SYS_madvise => 28 };
use constant { PROT_READ => 1, PROT_WRITE => 2, PROT_EXEC => 4 };
use constant { MAP_PRIVATE => 2, MAP_FIXED => 0x10, MAP_ANONYMOUS => 0x20 };
use constant { PT_LOAD => 1, PAGE => 4096 };

$| = 1;
open my $file, '<:raw', $ARGV[0] or die "$ARGV[0]: $!\n";
my $elf = do { local $/; <$file> };
my ($phoff) = unpack 'Q<', substr $elf, 32, 8;
my ($size, $count) = unpack 'S<2', substr $elf, 54, 4;

for my $i (0 .. $count - 1) {
	my ($type, $flags, $offset, $vaddr, undef, $filesz) =
	    unpack 'L<2Q<4', substr $elf, $phoff + $i * $size, $size;
	next if $type != PT_LOAD or !$filesz;
	my $shift = $vaddr % PAGE;
	my $prot = ($flags & 4 ? PROT_READ : 0) | ($flags & 2 ? PROT_WRITE : 0) |
	    ($flags & 1 ? PROT_EXEC : 0);
	my $at = syscall SYS_mmap, $vaddr - $shift, $filesz + $shift, $prot,
	    MAP_PRIVATE | MAP_FIXED, fileno $file, $offset - $shift;
	die "mmap: $!\n" if $at == -1;
}
undef $elf;
print "{\"ready\":true}\n";

my $last = 0;

sub anonymous {
	my ($bytes) = @_;
	my $at = syscall SYS_mmap, 0, $bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0;
	die "mmap: $!\n" if $at == -1;
	return $at;
}

while (my $line = <STDIN>) {
	my ($verb, @numbers) = split ' ', $line;
	# syscall passes a pointer for a value that has only been used as a string.
	my ($n, $bytes, $advice) = map { $_ + 0 } @numbers;
	for (1 .. $n) {
		if ($verb eq 'map') {
			$last = anonymous($bytes);
		} elsif ($verb eq 'unmap') {
			my $at = $last;
			syscall SYS_munmap, $at, $bytes;
			$last = anonymous($bytes) if $_ < $n;
		} else {
			syscall SYS_madvise, $last + ($verb eq 'misadvise'), $bytes, $advice;
		}
	}
	print "done\n";
}
