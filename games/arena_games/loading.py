"""From `module:NAME` or `FILE.py:NAME`, as a user types it, to the object of that name."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from arena_games.base import UsageError


def load_object(reference: str) -> Any:
    """The object that `reference` names; modules are also looked for in the working directory.

    Raises UsageError, with the remedy, if there is no such file, module or name, or if importing
    it fails in any way.
    """
    source, _, name = reference.rpartition(":")
    module = _module(source, reference)
    if not hasattr(module, name):
        own = [other for other in vars(module) if not other.startswith("_")]
        near = difflib.get_close_matches(name.lower(), {other.lower(): other for other in own}, n=1)
        meant = [other for other in own if other.lower() in near]
        hint = f"; did you mean {meant[0]!r}?" if meant else ""
        raise UsageError(f"{source} has no {name!r}{hint or f'; write {source}:NAME with a name it defines'}")
    return getattr(module, name)


def named_in(path: str, what: str, name: str) -> str:
    """The remedy for a Python file that is named alone: what is meant in it, without running it."""
    file = Path(path)
    if not file.is_file():
        return f"no such file; name the {what} in it too, as {path}:{name}"
    text = file.read_text(encoding="utf-8", errors="replace")
    pattern = r"^class (\w+)" if what == "class" else r"^(\w+)\b[^=\n]*= *GameSpec\("
    found = re.findall(pattern, text, re.MULTILINE)
    return f"name the {what} in it: {' or '.join(f'{path}:{one}' for one in found[:3] or [name])}"


def _module(source: str, reference: str) -> ModuleType:
    if not source:
        raise UsageError(f"cannot read {reference!r}; write module:NAME or FILE.py:NAME")
    try:
        return _from_file(Path(source)) if source.endswith(".py") else _from_path(source)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # someone else's code runs here: it may raise anything
        raise UsageError(f"cannot import {source!r}: {type(error).__name__}: {error}; repair it") from error


def _from_path(name: str) -> ModuleType:
    # A console script's path begins with the script's folder; users expect the one they are in.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"no such file: {path}; write FILE.py:NAME with the path from here")
    # The module's name holds the path, so that two files of one name do not get in each other's way.
    name = f"{path.stem}_{hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # for the modules beside it
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
