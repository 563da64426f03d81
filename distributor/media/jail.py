"""Limits for a process that decodes files from strangers: memory, time, file size, and no way out.

Touches only the calling process, which must be one that is thrown away after its job. Never loosens a
limit. Linux only, as the service is; the system call filter knows x86-64 and ARM 64 and refuses to work
elsewhere, because a jail that is silently open is worse than none.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW, linux/seccomp.h
_DENY = 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF, linux/bpf_common.h
_OPEN_FILES = 32

# machine: (audit architecture, first number beyond its own table, numbers of socket, connect, execve,
# execveat, ptrace, bpf, io_uring_setup). From the kernel's asm/unistd.h; x32 calls on x86-64 start at
# 0x40000000.
_CALLS = {
    "x86_64": (0xC000003E, 0x40000000, (41, 42, 59, 322, 101, 321, 425)),
    "aarch64": (0xC00000B7, 0x40000000, (198, 203, 221, 281, 117, 280, 425)),
}


def confine(memory: int, cpu_seconds: int, file_bytes: int) -> None:
    """Confine this process: `memory` and `file_bytes` in bytes, `cpu_seconds` of processor time.

    Afterwards it can open no network connection and start no program. Raises OSError if the kernel refuses.
    """
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _close_the_network()


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _close_the_network() -> None:
    """Install a system call filter: no sockets, no new programs, no way to watch another process."""
    machine = platform.machine()
    if machine not in _CALLS:
        raise OSError(f"media can be decoded safely on {', '.join(_CALLS)} only, not on {machine}")
    architecture, foreign, denied = _CALLS[machine]
    # Offsets in struct seccomp_data: nr at 0, arch at 4. A jump counts the steps that it leaps over.
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _DENY), (_LOAD, 0, 0, 0)]
    tests = [(_AT_LEAST, foreign), *((_EQUAL, number) for number in denied)]
    steps += [(code, len(tests) - place, 0, value) for place, (code, value) in enumerate(tests)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1, 0)
    _prctl(libc, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _prctl(libc: ctypes.CDLL, option: int, value: int, pointer: int) -> None:
    zero = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(pointer), zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel refused to confine a media process: {os.strerror(number)}")
