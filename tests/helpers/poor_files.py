"""File systems that cannot do what others can: a library that is loaded before all others refuses it to a program.

It stands between programs and the C library, so that a program meets what it would meet on FUSE, NFS or a full disk.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

static int below(const char *path, const char *variable) {
    const char *prefix = getenv(variable);
    return prefix && *prefix && path && strncmp(path, prefix, strlen(prefix)) == 0;
}

static int refused(int fd, const char *variable) {
    char link[64], path[4096];
    if (fd < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path, variable);
}

#define NEXT(name) static __typeof__(&name) next; if (!next) next = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    NEXT(mmap);
    if ((flags & MAP_SHARED) && refused(fd, "POOR_MAPS")) { errno = ENODEV; return MAP_FAILED; }
    return next(at, size, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
    NEXT(mmap64);
    if ((flags & MAP_SHARED) && refused(fd, "POOR_MAPS")) { errno = ENODEV; return MAP_FAILED; }
    return next(at, size, protection, flags, fd, offset);
}

static int locks(int command) {
    return command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK
        || command == F_OFD_SETLKW;
}

int fcntl(int fd, int command, ...) {
    NEXT(fcntl);
    va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
    if (locks(command) && refused(fd, "POOR_LOCKS")) { errno = ENOLCK; return -1; }
    return next(fd, command, argument);
}

int fcntl64(int fd, int command, ...) {
    NEXT(fcntl64);
    va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
    if (locks(command) && refused(fd, "POOR_LOCKS")) { errno = ENOLCK; return -1; }
    return next(fd, command, argument);
}

int flock(int fd, int command) {
    NEXT(flock);
    if (refused(fd, "POOR_LOCKS")) { errno = ENOLCK; return -1; }
    return next(fd, command);
}

ssize_t write(int fd, const void *data, size_t size) {
    NEXT(write);
    if (refused(fd, "POOR_ROOM") && access(getenv("POOR_FULL_WHILE"), F_OK) == 0) { errno = ENOSPC; return -1; }
    return next(fd, data, size);
}

int shm_open(const char *name, int flags, mode_t mode) {
    NEXT(shm_open);
    if (getenv("POOR_SHARED_MEMORY")) { errno = ENOSPC; return -1; }
    return next(name, flags, mode);
}

static int shared(const char *path, int flags) {
    return (flags & O_CREAT) && getenv("POOR_SHARED_MEMORY") && path && strncmp(path, "/dev/shm/", 9) == 0
        && !strchr(path + 9, '/'); /* a folder there may be that of the tests */
}

int open(const char *path, int flags, ...) {
    NEXT(open);
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    if (shared(path, flags)) { errno = ENOSPC; return -1; }
    return next(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    NEXT(open64);
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);
    if (shared(path, flags)) { errno = ENOSPC; return -1; }
    return next(path, flags, mode);
}
"""


@cache
def library() -> Path:
    """The library, which is compiled once; skips the test where there is no compiler, or another system than Linux."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not Path("/proc/self/fd").is_dir():
        pytest.skip("there is no C compiler, or /proc is missing")
    folder = Path(mkdtemp(prefix="tlsearch-poor-files-"))
    source, target = folder / "poor.c", folder / "poor.so"
    source.write_text(SOURCE)
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(target), str(source), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the library cannot be compiled: {done.stderr[-300:]}")
    return target


def poor(
    *, maps: Path | None = None, locks: Path | None = None, shared_memory: bool = False, room: Path | None = None
) -> dict[str, str]:
    """The variables of a program for which file systems are poor.

    Args:
        maps: A folder below which no file can be mapped as shared (ENODEV, as on FUSE with direct input and output).
        locks: A folder below which no file can be locked (ENOLCK, as on NFS without its lock daemon).
        shared_memory: Whether nothing can be made in ``/dev/shm``.
        room: A folder below which nothing can be written while the file ``full`` is beside it (ENOSPC).
    """
    found = {"LD_PRELOAD": str(library())}
    if maps is not None:
        found["POOR_MAPS"] = str(maps)
    if locks is not None:
        found["POOR_LOCKS"] = str(locks)
    if shared_memory:
        found["POOR_SHARED_MEMORY"] = "1"
    if room is not None:
        found |= {"POOR_ROOM": str(room), "POOR_FULL_WHILE": str(room.parent / "full")}
    return found
