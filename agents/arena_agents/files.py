"""Reading files that somebody else may have written: regular ones only, of bounded size, in one-line errors.

A FIFO in the place of a file would make its reader wait for ever, a device would never end, and JSON holds
whatever it likes. So a file is opened without waiting, and looked at before it is read; and what is in it
goes through a pydantic model.
"""

from __future__ import annotations

import json
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from arena_agents.limits import LARGEST_MODEL_JSON, LARGEST_SETTINGS
from arena_games.base import UsageError

Model = TypeVar("Model", bound=BaseModel)
READ_WHOLE = frozenset({".json", ".jinja", ".txt", ".model", ".jsonl", ".md"})


def open_regular(path: Path, limit: int | None = None) -> BufferedReader:
    """The file, open for reading bytes.

    Raises UsageError for what is no regular file (a link to one is), or is larger than `limit` bytes,
    and OSError where there is none.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        _check(path, os.fstat(descriptor), limit)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def check_regular(path: Path, limit: int | None = None) -> None:
    """What `open_regular` checks, for a file that others open. One that is missing is theirs to tell of.

    Raises UsageError likewise.
    """
    try:
        found = path.stat()
    except OSError:
        return
    _check(path, found, limit)


def check_own(path: Path) -> None:
    """Raises UsageError where the path is taken by anything but a regular file, a link included.

    For what is about to be written: nothing is written through a link, into a device or a FIFO.
    """
    try:
        found = path.lstat()
    except OSError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise UsageError(f"{path} is a link, which is not followed; remove it")
    _check(path, found, None)


def check_model_folder(folder: Path) -> None:
    """Look at each file that a library may read in a model's folder. Raises UsageError, naming the first
    that is no regular file, or too large.
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not path.is_dir():
            check_regular(path, LARGEST_MODEL_JSON if path.suffix in READ_WHOLE else None)


def _check(path: Path, found: os.stat_result, limit: int | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} is no regular file; put one there, or remove it")
    if limit is not None and found.st_size > limit:
        raise UsageError(f"{path} is of {found.st_size:,} bytes, and at most {limit:,} are read")


def read_bytes(
    path: Path, limit: int = LARGEST_SETTINGS, *, remedy: str = "check the file", called: str = ""
) -> bytes:
    """What a file holds. Raises UsageError, which names the file and what it is `called`, for whatever goes
    wrong.
    """
    try:
        with open_regular(path, limit) as file:
            found = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"cannot read {called}{path}: {error.strerror or error}; {remedy}") from error
    if len(found) > limit:  # it grew while it was read
        raise UsageError(f"{path} is longer than {limit:,} bytes; {remedy}")
    return found


def read_text(
    path: Path, limit: int = LARGEST_SETTINGS, *, remedy: str = "check the file", called: str = ""
) -> str:
    """A file's text. Raises UsageError as `read_bytes` does, and for what is no UTF-8."""
    try:
        return read_bytes(path, limit, remedy=remedy, called=called).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {called}{path}: it is no UTF-8 ({error.reason}); {remedy}") from error


def read_json(path: Path, limit: int = LARGEST_SETTINGS, *, remedy: str = "check the file") -> dict[str, Any]:
    """The object in a JSON file. Raises UsageError as `read_text` does, and for anything else."""
    found = parse_json(read_text(path, limit, remedy=remedy), path, remedy)
    if not isinstance(found, dict):
        raise UsageError(f"cannot read {path}: it holds a {type(found).__name__}, not an object; {remedy}")
    return found


def parse_json(text: str, path: Path, remedy: str = "check the file") -> Any:
    """The value of a JSON text, which came from `path`. Raises UsageError for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise UsageError(f"cannot read {path}: {reason}; {remedy}") from error


def read_model(
    path: Path, kind: type[Model], limit: int = LARGEST_SETTINGS, *, remedy: str = "check the file"
) -> Model:
    """The JSON in a file as `kind` has it. Raises UsageError, naming the file and the first wrong field."""
    return validated(kind, read_json(path, limit, remedy=remedy), path, remedy)


def validated(kind: type[Model], value: Any, path: Path, remedy: str = "check the file") -> Model:
    """A value from `path` as `kind` has it. Raises UsageError, naming the first wrong field."""
    try:
        return kind.model_validate(value)
    except (ValidationError, RecursionError) as error:
        raise UsageError(f"cannot read {path}: {_first_problem(error)}; {remedy}") from error


def _first_problem(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    problem = error.errors(include_url=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return f"{where}: {problem['msg'].lower()}" if where else str(problem["msg"]).lower()
