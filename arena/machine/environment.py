"""Versions of everything that decides a run's numbers."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("tmsg-arena", "torch", "transformers", "peft", "numpy", "pettingzoo", "gymnasium", "safetensors")


def environment() -> dict[str, Any]:
    """Versions of what decides the numbers of a run."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git_revision": git_revision(Path(__file__)),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_revision(file: Path) -> str | None:
    """The revision of the source tree that a file of ours belongs to; None for an installed copy.

    An environment may lie within a repository of the user's, which does not track what is installed there.
    """
    if _git(file, "ls-files", "--error-unmatch", file.name) is None:
        return None
    return _git(file, "describe", "--always", "--dirty", "--abbrev=40")


def _git(file: Path, *command: str) -> str | None:
    """What git says in the file's folder; None where it fails, or is not there."""
    try:
        asked = subprocess.run(
            ["git", *command], cwd=file.parent, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None
