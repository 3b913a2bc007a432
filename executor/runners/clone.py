# SPDX-License-Identifier: Apache-2.0
"""A fork whose child belongs to the caller's parent: one copy of the memory where forking twice makes two.

It is clone(2) with CLONE_PARENT, around which Python is told the same as around os.fork(). What the C library's fork() does
beyond the call matters to processes with more threads than one, but for two things that are done here: the number of the
thread, which the library keeps (the kernel writes it, CLONE_CHILD_SETTID), and the list of robust locks. What libraries have
registered with pthread_atfork() is not called; so where a loaded one registers anything, this is not used.
"""
import os
import sys

CLONE_FLAGS = 0x00008000 | 0x00200000 | 0x01000000 | 17  # PARENT, CHILD_CLEARTID, CHILD_SETTID, SIGCHLD
PR_GET_TID_ADDRESS, PR_SET_DUMPABLE = 40, 4
# clone, set_robust_list, get_robust_list; where among clone's arguments the address of the thread's number stands
SYSCALLS = {"x86_64": (56, 273, 274, 3), "aarch64": (220, 99, 100, 4)}
OWN = ("libc.so", "libc-", "libpthread", "ld-linux", "ld-")  # the C library itself
CHUNK = 1 << 16


def make_functions():
    """Gives functions of the C library and of Python, called without letting go of the interpreter's lock."""
    import _ctypes

    class Word(_ctypes._SimpleCData):
        _type_ = "l"

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
        _restype_ = Word

    def find(name, count):
        found = Function(_ctypes.dlsym(_ctypes.dlopen(None, 2), name))
        found.argtypes = (Word,) * count
        return found

    words = (Word * 3)()
    return find, words, _ctypes.addressof(words)


def library_paths():
    """Of what is mapped with code in it."""
    with open("/proc/self/maps") as maps:
        rows = [line.split(None, 5) for line in maps]
    return {row[5].strip() for row in rows if len(row) == 6 and "x" in row[1] and row[5].startswith("/")}


def registers(path):
    """Whether the file names what pthread_atfork() calls."""
    name, last = b"__register_atfork", b""
    with open(path, "rb", 0) as file:
        while True:
            data = file.read(CHUNK)
            if not data:
                return False
            if name in last + data:
                return True
            last = data[-len(name):]


def is_safe():
    """glibc that does not keep the process's number (2.25), no library that wants to know of forks."""
    library, _, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")
    if library != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < (2, 25) or sys.maxsize < 1 << 32:
        return False
    return not any(registers(path) for path in library_paths() if not os.path.basename(path).startswith(OWN))


def is_alone():
    """One thread: two links of a directory, and one for each."""
    return os.stat("/proc/self/task").st_nlink == 3


class Clone:
    """Raises where it cannot be used."""

    def __init__(self):
        if not is_safe() or not is_alone():
            raise OSError("not safe here")
        clone, set_robust, get_robust, place = SYSCALLS[os.uname().machine]
        find, words, at = make_functions()
        self.syscall = find("syscall", 6)
        self.before = find("PyOS_BeforeFork", 0)
        self.after_parent = find("PyOS_AfterFork_Parent", 0)
        self.after_child = find("PyOS_AfterFork_Child", 0)
        if find("prctl", 5)(PR_GET_TID_ADDRESS, at, 0, 0, 0) != 0 or self.syscall(get_robust, 0, at + 8, at + 16, 0, 0) != 0:
            raise OSError("not known here")
        arguments = [clone, CLONE_FLAGS, 0, 0, 0, 0]
        arguments[1 + place] = words[0]
        self.arguments = arguments
        self.robust = (set_robust, words[1], words[2], 0, 0, 0)

    def __call__(self):
        """As os.fork()."""
        if not is_alone():
            raise OSError("a thread was started")
        self.before()
        pid = self.syscall(*self.arguments)
        if pid == 0:
            try:
                self.syscall(*self.robust)
                self.after_child()
            except BaseException:  # there must not be two that fork
                os._exit(1)
        else:
            self.after_parent()
        if pid < 0:
            raise OSError("clone failed")
        return pid


def make_clone():
    try:
        return Clone()
    except Exception:  # another C library, a Python without _ctypes, no /proc
        return None


def make_prctl():
    try:
        return make_functions()[0]("prctl", 5)
    except Exception:  # a Python without _ctypes
        return None
