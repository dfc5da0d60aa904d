"""The wheel holds all that is played and shown with, and works from it alone, outside the source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGES = {  # in the wheel: in the source tree
    "arena": "arena",
    "arena_agents": "agents/arena_agents",
    "arena_games": "games/arena_games",
    "arena_leaderboard": "leaderboard/arena_leaderboard",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what is built from, as from a fresh clone."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in PACKAGES.values():
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "tmsg_arena.py"):
        shutil.copy(ROOT / name, tree)
    return Path(next(WheelBuilder(str(tree)).build(directory=str(tmp_path_factory.mktemp("dist")))))


def in_tree() -> set[str]:
    return {
        f"{package}/{file.relative_to(ROOT / folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_it_holds_the_packages_whole_and_nothing_else(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    beside = {name for name in held if not name.partition("/")[0].endswith(".dist-info")}
    assert beside == in_tree() | {"tmsg_arena.py"}
    shown = {
        "arena/views/page/replay.js",
        "arena/views/page/training.html.jinja",
        "arena/views/page/page.css",
    }
    spoken = {"arena_agents/language/template.txt", "arena_agents/nano/model/model.safetensors"}
    assert shown | spoken | {"arena/study/studies/paper.toml"} <= held


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--help",), "tournament"),
        (("eval", "random", "--games", "frozen-lake", "--episodes", "3"), "frozen-lake  3"),
        (("eval", "nano", "--games", "frozen-lake", "--episodes", "1"), "frozen-lake  1"),
    ],
)
def test_it_works_alone(wheel: Path, words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    where = "import arena, arena_agents; print(arena.__file__, arena_agents.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1"}
    for command in ([sys.executable, "-c", where], [sys.executable, "-m", "arena", *words]):
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if "-c" in command:
            assert done.stdout.count(str(tmp_path / "site")) == 2, done.stdout
    assert said in done.stdout
