"""Every example runs to its end, in a folder of its own; the notebook's cells do, one after another."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SAYS = {
    "play_a_match.py": ("search says <action>", "search: 1"),
    "own_agent.py": ("success ", "own_agent"),
    "own_game.py": ("ok    ", "random guesses it"),
    "train_with_a_callback.py": ("step 3, held-out return", "on test episodes"),
    "lake_guide.py": ("",),  # a teacher for others to name: tests/arena/training/test_sft.py
    "read_a_run.py": ("snake-duel, search: mean return", "the first decision: "),
}


@pytest.mark.parametrize("name", SAYS)
def test_an_example(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert all(words in done.stdout for words in SAYS[name]), done.stdout
    assert "FAILED" not in done.stdout


def test_every_example_is_listed_and_run() -> None:
    files = {path.name for path in EXAMPLES.glob("*.py")}
    assert files == set(SAYS)
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"[{name}]({name})" in listed for name in [*files, "notebook.ipynb"])


def test_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    shown = [result(cell, names) for cell in cells]
    assert "<table>" in shown[0]._repr_html_()
    assert "<details>" in shown[1]._repr_html_()
    assert [step for step, _ in shown[2]] == [0, 1, 2]
    assert not any(cell.get("outputs") for cell in notebook["cells"]), "a notebook is kept without outputs"


def result(cell: str, names: dict[str, Any]) -> Any:
    """What a cell's last line is, after the cell has been run as a notebook runs it."""
    tree = ast.parse(cell)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)
