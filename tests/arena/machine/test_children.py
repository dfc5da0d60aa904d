"""Processes side by side: what they say lands in their own logs, and nothing is written through a link."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from arena.machine.children import Child, run_children
from arena_games.base import UsageError


class Silent:
    def started(self, work: str) -> None: ...

    def look(self) -> None: ...

    def ended(self, work: str, error: str | None) -> None: ...


def child(name: str, program: str, folder: Path) -> Child[str]:
    return Child(name, (sys.executable, "-c", program), folder / name / "log.txt")


def test_a_failure_is_one_harmless_line(tmp_path: Path) -> None:
    works = [child("good", "print('fine')", tmp_path), child("bad", r"exit('arena: \x1b[31mred')", tmp_path)]
    errors = run_children(works, at_once=2, threads=1, watcher=Silent())
    assert errors.keys() == {"bad"}
    assert "red" in errors["bad"]
    assert "\x1b" not in errors["bad"]
    assert (tmp_path / "good" / "log.txt").read_text() == "fine\n"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("as it was")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log.txt").symlink_to(target)
    with pytest.raises(UsageError, match="is a link"):
        run_children([child("a", "print(1)", tmp_path)], at_once=1, threads=1, watcher=Silent())
    assert target.read_text() == "as it was"
