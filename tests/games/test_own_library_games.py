"""docs/games.md: a game of one's own from each library, in at most ten lines, that passes every check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arena_games.conformance import check_game
from arena_games.registry import find_game

PAGE = (Path(__file__).parents[2] / "docs" / "games.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
# What the page calls a package of the reader's own, as something that is there.
INSTEAD = {
    "pyspiel": {
        "import my_openspiel_game": "from open_spiel.python.games import kuhn_poker",
        "mine": "kuhn_poker",
    },
    "textarena": {"my_package.envs:MineEnv": "textarena.envs.KuhnPoker.env:KuhnPokerEnv"},
    "gymnasium": {"from my_package": "from test_gym_and_pettingzoo"},
    "pettingzoo": {"from my_package": "from test_gym_and_pettingzoo"},
}
MARKS = {
    "gymnasium": "gym_game",
    "pettingzoo": "pettingzoo_game",
}  # of a block that does not name the package
SEATS = {"gymnasium": 1}


def test_each_is_short() -> None:
    assert len(BLOCKS) == 4
    assert all(len([line for line in block.splitlines() if line.strip()]) <= 10 for block in BLOCKS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", INSTEAD)
def test_each_is_a_game(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library)
    (block,) = [block for block in BLOCKS if re.search(rf"\b{MARKS.get(library, library)}\b", block)]
    for written, there in INSTEAD[library].items():
        block = block.replace(written, there)
    (tmp_path / f"own_{library}.py").write_text(block, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    spec = find_game(f"own_{library}.py:SPEC")
    checks = check_game(spec, episodes=2)
    assert [f"{check.name}: {check.detail}" for check in checks if not check.passed] == []
    assert len(spec.make_env().possible_agents) == SEATS.get(library, 2)
