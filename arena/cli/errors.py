"""What a user can put right, as one line."""

from __future__ import annotations

import errno
import sqlite3

from arena.machine.files import FULL_DISK
from arena.untrusted import one_line


def explain(error: BaseException) -> str | None:
    """The line for errors that the user can put right."""
    from arena_games.base import UsageError  # not above: it imports numpy, and --help has no time for that

    if isinstance(error, UsageError):
        return one_line(str(error))
    if isinstance(error, MemoryError):
        return "there is not enough memory for that; ask for less, or close other programs"
    if isinstance(error, OSError):
        return one_line(_of_the_system(error))
    if isinstance(error, sqlite3.Error):
        return one_line(f"the run's database failed: {error}; repeat the command, or choose another --out")
    return None


def _of_the_system(error: OSError) -> str:
    where = f" {error.filename!s}" if error.filename else ""
    if error.errno in FULL_DISK:
        return f"no space left{f' for{where}' if where else ''}; free some and repeat the command to go on"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to use{where}; choose another path"
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return f"{where.strip() or 'a path'} is in the way ({error.strerror}); choose another path"
    return f"cannot use{where or ' a file'}: {error.strerror or error}; check the path"
