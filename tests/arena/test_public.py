"""The public face: which names there are, how they are called, and what importing them costs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import arena

ROOT = Path(__file__).parents[2]
PACKAGES = ("arena", "arena_agents", "arena_games", "arena_leaderboard")
# Called by tests outside this repository.
PINNED = (
    "arena.match.match.Match",
    "arena.match.match.MatchConfig",
    "arena.match.play.play",
    "arena.training.msgrpo.advantage.aaw_probabilities",
    "arena.training.msgrpo.advantage.aaw_sample",
    "arena.training.msgrpo.advantage.group_advantages",
    "arena.training.msgrpo.loss.msgrpo_loss",
    "arena_games.registry.game_specs",
)
SNAPSHOT = ROOT / "tests" / "golden" / "public-names.txt"


def called(function: Any) -> str:
    """How a function or a dataclass is called: parameters and defaults."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    plainly = signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    return re.sub(r"<function .*? at 0x[0-9a-f]+>", "…", str(plainly))


def public_names() -> Iterator[str]:
    for package in PACKAGES:
        yield from (f"{package}.{name}" for name in import_module(package).__all__)
    for path in PINNED:
        module_name, _, name = path.rpartition(".")
        module = import_module(module_name)
        assert name in module.__all__
        yield path + called(getattr(module, name))


def test_public_names_are_as_they_were() -> None:
    """Others call these. Add to the file what was added; whatever else changes breaks their programs."""
    assert list(public_names()) == SNAPSHOT.read_text(encoding="utf-8").splitlines()


def test_the_lazy_names_are_those_that_type_checkers_see() -> None:
    source = (ROOT / "arena" / "__init__.py").read_text(encoding="utf-8")
    seen = re.findall(r"^    from (\S+) import (.+)$", source, re.MULTILINE)
    typed = {}
    for module, names in seen:
        for name in names.split(", "):
            attribute, _, public = name.partition(" as ")
            typed[public or attribute] = (module, attribute)
    assert typed == arena._PLACES
    assert sorted([*typed, "__version__"]) == sorted(arena.__all__)
    assert set(arena.__all__) <= set(dir(arena))


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_sorted_and_types_are_shipped(package: str) -> None:
    names = import_module(package).__all__
    assert list(names) == sorted(names)
    assert files(package).joinpath("py.typed").is_file()


def test_importing_the_arena_costs_nothing() -> None:
    code = "import sys, arena; from arena import __version__, Match; "
    code += "assert not {'torch', 'transformers', 'rich'} & set(sys.modules); print(__version__)"
    light = "import sys, arena; dir(arena); assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", light], check=True)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == version("tmsg-arena")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'arena' has no attribute 'player'"):
        arena.player  # type: ignore[attr-defined]  # noqa: B018


def test_the_readmes_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## From Python\n\n```python\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    exec(compile(found[1], "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d+ of 20 won by search", printed[0])
    assert len(printed) == 1 + 3 + 2  # steps 0, 1 and 2
    assert printed[-1] == "['search', 'random']"
    assert (tmp_path / "runs/lake/last/agent.json").is_file()


def test_agents_and_games_may_be_given_by_name() -> None:
    by_name = arena.evaluate("random", "random", "snake,snake-duel", episodes=3, opponent="random")
    specs = [arena.find_game("snake"), arena.find_game("snake-duel")]
    made = arena.make_agent("random")
    assert by_name == arena.evaluate("random", made, specs, episodes=3, opponent=made)
    assert [row.game for row in arena.evaluate("x", made, ["frozen-lake"], episodes=2)] == ["frozen-lake"]
    with pytest.raises(arena.UsageError, match=r"find_game\('snake'\)"):
        arena.Match("snake", 0, ("random", "random"))  # type: ignore[arg-type]


def test_a_run_is_read_by_its_path_as_text_too(tmp_path: Path) -> None:
    with pytest.raises(arena.UsageError, match="holds no tournament"):
        arena.Store.read(str(tmp_path))
