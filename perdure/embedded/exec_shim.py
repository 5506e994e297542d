"""Becomes another program that cannot outlive its parent; run as a script by `perdure.embedded.child`.

    python -I -S exec_shim.py PARENT_PID DEATH_SIGNAL BECOME -- PROGRAM ARGUMENT...

BECOME is `self`, `account:UID:GID` (drop root) or `namespace:UID:GID` (be UID in a user namespace of one's
own: files are still read and written as root). Standard library only: it costs a few hundredths of a second.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_CANNOT_EXECUTE = 126


def main(arguments: list[str]) -> None:
    parent, death_signal, become, _, *program = arguments
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # a handler would go at exec; "ignored" would stay
    _become(become)
    _die_with_parent(int(parent), int(death_signal))  # after _become: a change of credentials clears it
    os.execv(program[0], program)  # noqa: S606 (no shell is what is wanted)


def _become(become: str) -> None:
    how, *ids = become.split(":")
    if how == "self":
        return
    uid, gid = (int(number) for number in ids)
    if how == "account":
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    else:
        _enter_namespace(uid, gid)


def _enter_namespace(uid: int, gid: int) -> None:
    maps = {"setgroups": "deny", "uid_map": f"{uid} {os.getuid()} 1", "gid_map": f"{gid} {os.getgid()} 1"}
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    for name, text in maps.items():
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _die_with_parent(parent: int, death_signal: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(_CANNOT_EXECUTE)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"cannot start {sys.argv[5] if len(sys.argv) > 5 else 'nothing'}: {error}")  # noqa: PLR2004
