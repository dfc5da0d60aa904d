"""Finding games by name, and what is said when there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from arena_games import UsageError, registry
from arena_games.registry import BUILT_IN, find_game, game_specs, select_games

SCENARIOS = ["frozen-lake", "frozen-lake-slippery", "snake", "snake-poison", "snake-duel", "snake-royale"]


def test_all_scenarios_are_there() -> None:
    assert [spec.name for spec in game_specs()] == SCENARIOS


def test_every_spec_is_found_by_its_name() -> None:
    assert [find_game(name).name for name in SCENARIOS] == SCENARIOS


def test_all_and_lists_select_games() -> None:
    assert select_games("all") == game_specs()
    assert [spec.name for spec in select_games("snake, frozen-lake")] == ["snake", "frozen-lake"]
    assert [spec.name for spec in select_games(["snake"])] == ["snake"]


def test_a_game_named_twice_is_selected_once() -> None:
    assert [spec.name for spec in select_games("snake,snake")] == ["snake"]


@pytest.mark.parametrize("names", ["", " , ", []], ids=repr)
def test_no_game_at_all_is_an_error(names: str | list[str]) -> None:
    with pytest.raises(UsageError, match="known games: frozen-lake"):
        select_games(names)


def test_a_misspelt_name_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="unknown game 'snakes'; did you mean 'snake'"):
        find_game("snakes")


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(UsageError, match="known games: frozen-lake, frozen-lake-slippery, snake"):
        find_game("chess")


def test_a_game_that_is_not_registered_is_found_and_called_by_its_reference() -> None:
    own = find_game("arena_games.snake.env:SNAKE")
    assert own == replace(find_game("snake"), name="arena_games.snake.env:SNAKE")
    assert [spec.name for spec in select_games(f"snake,{own.name}")] == ["snake", own.name]
    with pytest.raises(UsageError, match="is a type, not a GameSpec; name one"):
        find_game("arena_games.snake.env:SnakeEnv")


@pytest.mark.parametrize(
    "library", ["OpenSpiel", "open_spiel", "TextArena", "PettingZoo", "gymnasium", "Gym"]
)
def test_a_library_spelt_as_it_calls_itself_gets_a_suggestion(library: str) -> None:
    meant = {"gymnasium": "gym"}.get(library, library.lower().replace("_", ""))
    with pytest.raises(UsageError, match=f"did you mean '{meant}:Some-v0'"):
        find_game(f"{library}:Some-v0")


Install = Callable[[str], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Pretend that a package with this entry point is installed."""

    def installed(value: str) -> None:
        point = EntryPoint("my-plug-in", value, "tmsg_arena.games")
        monkeypatch.setattr(registry, "entry_points", lambda group: [point])
        registry._plug_ins.cache_clear()

    yield installed
    registry._plug_ins.cache_clear()


def test_a_plug_in_adds_its_games(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = replace(BUILT_IN[0], name="my-game")
    monkeypatch.setattr(registry, "MINE", mine, raising=False)
    install("arena_games.registry:MINE")
    assert game_specs() == [*BUILT_IN, mine]


@pytest.mark.parametrize("value", ["no_such_package.games:SPEC", "arena_games.registry:NO_SUCH_NAME"])
def test_a_broken_plug_in_is_named(install: Install, value: str) -> None:
    install(value)
    with pytest.raises(UsageError, match=f"plug-in 'my-plug-in' .{value}. cannot be loaded"):
        game_specs()


def test_a_plug_in_cannot_take_a_name_that_is_taken(install: Install) -> None:
    install("arena_games.snake.env:SNAKE")
    with pytest.raises(UsageError, match="'my-plug-in' must rename its game: 'snake' is taken"):
        game_specs()
