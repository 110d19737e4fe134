#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the machine code of a loaded BPF program, by its id, to stdout."""

import ctypes
import os
import sys

SYS_BPF = 321  # x86_64
GET_FD_BY_ID = 13
GET_INFO = 15
INFO_SZ = 64  # the first members of struct bpf_prog_info


def bpf(cmd, attr):
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(bytes(attr) + bytes(128 - len(attr)))
    ret = libc.syscall(SYS_BPF, cmd, buf, 128)
    if ret < 0:
        sys.exit(f"bpf({cmd}): {os.strerror(ctypes.get_errno())}")
    return ret


def info(fd, size, place):
    """The info of a program, whose code is put at `place`."""
    buf = ctypes.create_string_buffer(INFO_SZ)
    ctypes.c_uint32.from_buffer(buf, 16).value = size
    ctypes.c_uint64.from_buffer(buf, 24).value = place
    attr = fd.to_bytes(4, "little") + INFO_SZ.to_bytes(4, "little")
    bpf(GET_INFO, attr + ctypes.addressof(buf).to_bytes(8, "little"))
    return buf


def main():
    fd = bpf(GET_FD_BY_ID, int(sys.argv[1]).to_bytes(4, "little"))
    size = ctypes.c_uint32.from_buffer(info(fd, 0, 0), 16).value
    code = ctypes.create_string_buffer(size)
    info(fd, size, ctypes.addressof(code))
    sys.stdout.buffer.write(code.raw)


main()
