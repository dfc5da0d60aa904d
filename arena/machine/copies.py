"""Copying what somebody else may have made: nothing but regular files, with permissions of their own.

A link in a folder may point at anything of the user's; a copy that follows it would publish that. Links that
stay within the folder are followed, as model folders of the hub's cache are made of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from arena_agents.files import open_regular
from arena_games.base import UsageError


def copy_folder(source: Path, target: Path, *, leave_out: Collection[str] = ()) -> None:
    """Copy the files of a folder, but for those of these names in it, into a folder that may exist already.

    Raises UsageError for a link that leads out of the folder, and for what is no regular file.
    """
    for path in sorted(_inside(source)):
        if path.parent == source and path.name in leave_out:
            continue
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with open_regular(path) as found, copy.open("xb") as made:
            shutil.copyfileobj(found, made, 2**20)


def _inside(folder: Path) -> Iterator[Path]:
    """Every file below the folder. Raises UsageError for a link that leads out of it, or to a folder."""
    root = folder.resolve()
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(at) / name
            if path.is_symlink() and (name in folders or not path.resolve().is_relative_to(root)):
                raise UsageError(f"{path} is a link out of its folder, which is not followed; remove it")
        yield from (Path(at) / name for name in files)


def refuse_links(folder: Path) -> None:
    """Raises UsageError for a link in the folder that leads out of it: it would be written through."""
    root = folder.resolve()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise UsageError(f"{path} is a link out of its folder, which is not followed; remove it")
