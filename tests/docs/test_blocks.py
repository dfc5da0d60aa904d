"""Every block of the documentation that is marked to be run does run, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generator.blocks import blocks

ROOT = Path(__file__).parents[2]
READMES = [ROOT / folder / "README.md" for folder in (".", "agents", "games", "leaderboard")]
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [*READMES, *sorted((ROOT / "docs").rglob("*.md"))]
    if any(blocks(path.read_text(encoding="utf-8")))
}


def test_the_pages_that_promise_the_most_have_blocks() -> None:
    assert {"docs/start.md", "docs/how-to/read-a-run.md", "agents/README.md", "games/README.md"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_the_blocks_of_a_page(name: str, tmp_path: Path) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    if "pandas" in "".join(block.text for block in blocks(text)):
        pytest.importorskip("pandas")
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "docs.generator.blocks", str(PAGES[name])]
    environment = {**os.environ, "PYTHONPATH": paths, "PATH": programs}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
