"""Starts a program on a kernel that seems to have no landlock: without_landlock.py PROGRAM ..."""

import ctypes
import os
import struct
import sys

FIRST, LAST = 444, 446  # landlock_create_ruleset, _add_rule, _restrict_self: everywhere
SECCOMP_MODE_FILTER, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 2, 22, 38
LOAD, AT_LEAST, ABOVE, RETURN = 0x20, 0x35, 0x25, 0x06
ALLOW, ENOSYS = 0x7FFF0000, 0x00050000 | 38


def main():
    code = b"".join(
        struct.pack("HBBI", *line)
        for line in (
            (LOAD, 0, 0, 0),
            (AT_LEAST, 0, 2, FIRST),
            (ABOVE, 1, 0, LAST),
            (RETURN, 0, 0, ENOSYS),
            (RETURN, 0, 0, ALLOW),
        )
    )
    memory = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0),
    ):
        if libc.prctl(*call) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[1], sys.argv[1:])


main()
