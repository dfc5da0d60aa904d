"""Skins: the same game tree under other names, symbols and turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.match.match import Match
from arena.match.play import play
from arena.match.referee import EnvPool
from arena.match.resimulate import discrepancies
from arena_agents import Agent
from arena_agents.base import obstacle
from arena_agents.random import RandomAgent
from arena_agents.registry import make_agent
from arena_agents.search import SearchAgent
from arena_games.base import GameSpec, Observation, UsageError
from arena_games.conformance import check_game
from arena_games.conformance.playthrough import play as play_through
from arena_games.registry import find_game, is_code, stored_game
from arena_games.skins import has_skins, skinned, split_name
from arena_games.skins.drawn import DIRECTION_NAMES, DIRECTIONS, SYMBOLS, Turn
from arena_games.skins.spec import skin_number

OURS = ("frozen-lake", "frozen-lake-slippery", "snake", "snake-poison", "snake-duel", "snake-royale")
OPENSPIEL = ("openspiel:tic_tac_toe", "openspiel:connect_four", "openspiel:kuhn_poker")
K = 8


def named(name: str) -> GameSpec:
    if ":" in name:
        pytest.importorskip("pyspiel")
    return find_game(name)


@pytest.mark.parametrize("name", ["frozen-lake", "snake", "snake-royale", *OPENSPIEL])
def test_a_game_in_skins_passes_every_check(name: str) -> None:
    named(name)
    checks = check_game(find_game(f"skins:{K}:{name}"), episodes=4)
    assert [f"{check.name}: {check.detail}" for check in checks if not check.passed] == []


@pytest.mark.parametrize("name", [*OURS, *OPENSPIEL])
def test_the_tree_of_the_game_is_the_plain_one(name: str) -> None:
    """The same seed and numbers of actions: the same planes, legal actions, rewards and ends; other texts."""
    plain, dressed = named(name), skinned(named(name), K)
    for seed in range(6):
        one = play_through(plain, seed)
        other = play_through(dressed, seed, one.actions)
        assert len(one.visits) == len(other.visits)
        for ours, theirs in zip(one.visits, other.visits, strict=True):
            assert ours.rewards == theirs.rewards
            difference = replace(theirs.view, text=ours.view.text, names=ours.view.names).difference(
                ours.view
            )
            assert difference is None
            assert ours.view.text != theirs.view.text
            assert not set(theirs.view.observation(dressed).names) & set(
                ours.view.observation(plain).legal_names
            )


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("agent", [SearchAgent(), RandomAgent()], ids=lambda agent: agent.name)
def test_who_reads_the_grid_loses_nothing(name: str, agent: Agent) -> None:
    """Not only the mean: every action and every return is the same."""
    plain, dressed = find_game(name), find_game(f"skins:{K}:{name}")
    players = {"a": agent, "house:random": RandomAgent()}

    def played(spec: GameSpec) -> list[tuple[object, ...]]:
        seats = ["a" if seat in spec.open_seats else "house:random" for seat in range(spec.seats)]
        episodes = play([Match(spec, seed, tuple(seats)) for seed in range(10)], players)
        done = sorted(episodes, key=lambda episode: episode.seed)
        return [(e.returns, e.placements, [step.action for step in e.steps]) for e in done]

    assert played(plain) == played(dressed)


@pytest.mark.parametrize("name", ["openspiel:tic_tac_toe", "openspiel:connect_four"])
def test_who_reads_the_state_loses_nothing(name: str) -> None:
    plain, dressed = named(name), skinned(named(name), K)
    agents = {"a": make_agent("mcts:5"), "b": RandomAgent()}
    returns = [
        [episode.returns for episode in play([Match(spec, seed, ("a", "b")) for seed in range(4)], agents)]
        for spec in (plain, dressed)
    ]
    assert returns[0] == returns[1]


@given(size=st.integers(2, 9), mirrored=st.booleans(), quarters=st.integers(0, 3))
def test_a_turn_keeps_neighbours_and_loses_no_cell(size: int, mirrored: bool, quarters: int) -> None:
    turn = Turn(size, mirrored, quarters)
    cells = [(x, y) for x in range(size) for y in range(size)]
    assert {turn.cell(cell) for cell in cells} == set(cells)
    for x, y in cells:
        for dx, dy in DIRECTIONS:
            (ax, ay), (bx, by) = turn.cell((x, y)), turn.cell((x + dx, y + dy))
            assert turn.direction((dx, dy)) == (bx - ax, by - ay)


def _lake(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**48 - 1), moves=st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_the_words_of_a_board_lead_where_they_say(seed: int, moves: list[int]) -> None:
    """Frozen lake, read from the text alone: `mipo (one cell left)` goes there, or stays at the border."""
    env = find_game(f"skins:{K}:frozen-lake").make_env()
    env.reset(seed=seed)
    steps = {name: step for step, name in DIRECTION_NAMES.items()}
    for action in moves:
        before = env.observe("seat_0")
        word = before["action_names"][action]
        said = dict(
            part.rstrip(")").split(" (one cell ") for part in _lake(before["text"])["Actions"].split(", ")
        )
        env.step(action)
        if not env.agents or env.terminations["seat_0"] or env.truncations["seat_0"]:
            return
        (x, y), (dx, dy) = (
            (int(c) for c in _lake(before["text"])["You"].strip("()").split(", ")),
            steps[said[word]],
        )
        there = x + dx, y + dy
        at = there if max(there) < 4 and min(there) >= 0 else (x, y)
        assert _lake(env.observe("seat_0")["text"])["You"] == str(at)


def test_the_drawing_shows_what_the_words_say() -> None:
    env = find_game(f"skins:{K}:snake").make_env()
    for seed in range(12):
        env.reset(seed=seed)
        text = env.observe("seat_0")["text"]
        said = _lake(text)
        symbols = {
            meaning: symbol for symbol, meaning in (part.split(" ", 1) for part in said["Legend"].split(", "))
        }
        rows = [
            line.split() for line in text.splitlines() if set(line) <= {*SYMBOLS, " "} and len(line) == 13
        ]
        drawn = {(x, 6 - row): cell for row, line in enumerate(rows) for x, cell in enumerate(line)}
        head = tuple(int(part) for part in said["You"].split("(")[1].split(")")[0].split(", "))
        assert [cell for cell, symbol in drawn.items() if symbol == symbols["your head"]] == [head]
        apples = {tuple(map(int, part.strip("()").split(", "))) for part in said["Apples"].split(") (")}
        assert {cell for cell, symbol in drawn.items() if symbol == symbols["apple"]} == apples


@pytest.mark.parametrize("name", ["openspiel:tic_tac_toe", "openspiel:connect_four"])
def test_a_move_marks_the_row_and_column_that_it_names(name: str) -> None:
    """Of all cells of the drawing, the one that a move changes lies in the lines that its name says."""
    dressed = skinned(named(name), K)
    rng = np.random.default_rng(0)
    for seed in range(24):
        env = dressed.make_env()
        env.reset(seed=seed)
        while True:
            before = env.observe(env.agent_selection)
            place = int(rng.integers(len(before["action_names"])))
            env.step(int(np.flatnonzero(before["action_mask"])[place]))
            if any(env.terminations.values()):
                break
            after = env.observe(env.agent_selection)
            rows, columns, one = _drawn(dressed, before["text"])
            *_, two = _drawn(dressed, after["text"])
            ((row, column),) = [at for at, cell in one.items() if two[at] != cell]
            labels = {label for label in (rows.get(row), columns.get(column)) if label}
            assert labels == set(before["action_names"][place])


def _drawn(spec: GameSpec, text: str) -> tuple[dict[int, str], dict[int, str], dict[tuple[int, int], str]]:
    """Labels of rows and columns, and the cells, of the picture that people see."""
    assert spec.board is not None
    board = spec.board(Observation(spec.name, 0, 0, text, ()))
    assert board is not None
    cells = {(r, c): cell.symbol for r, row in enumerate(board.rows) for c, cell in enumerate(row)}
    rows = {r: symbol for (r, c), symbol in cells.items() if c == 0 and symbol.isalpha()}
    columns = {c: symbol for (r, c), symbol in cells.items() if r == 0 and symbol.isalpha()}
    return (
        ({}, columns, cells)
        if len(columns) > 1 and len(rows) == 1
        else (rows, {**columns} if len(columns) > 1 else {}, cells)
    )


def test_every_skin_is_worn_and_an_episode_tells_which() -> None:
    numbers = [skin_number(seed, K) for seed in range(400)]
    assert sorted(set(numbers)) == list(range(K))
    assert numbers == [skin_number(seed, K) for seed in range(400)]
    env = find_game(f"skins:{K}:frozen-lake").make_env()
    words: dict[int, set[tuple[str, ...]]] = {}
    for seed in range(40):
        env.reset(seed=seed)
        words.setdefault(numbers[seed], set()).add(tuple(env.observe("seat_0")["action_names"]))
    assert all(len(found) == 1 for found in words.values()), "one skin, one set of words"
    assert len({found for one in words.values() for found in one}) == len(words)


class Says(Agent):
    """Any legal action, loosely written."""

    def choose(self, observation: Observation) -> str:
        name = observation.legal_names[observation.seed % len(observation.legal)]
        return f"<action> **{name.upper()}**. </action>"


@pytest.mark.parametrize("name", ["snake-duel", *OPENSPIEL])
def test_a_stored_episode_is_found_again(name: str) -> None:
    named(name)
    spec = find_game(f"skins:{K}:{name}")
    for episode in play([Match(spec, seed, ("a", "a")) for seed in range(3)], {"a": Says()}):
        assert not any(step.invalid for step in episode.steps), "skins are read as kindly as plain names"
        assert list(discrepancies(episode, stored_game(episode.game), EnvPool())) == []


def test_names_of_games_in_skins() -> None:
    assert split_name("skins:8:openspiel:kuhn_poker") == (8, "openspiel:kuhn_poker")
    assert split_name("snake") is None
    assert find_game("skins:8:snake") is find_game("skins:8:snake")
    assert is_code("skins:8:mine.py:SPEC")
    assert not is_code("skins:8:snake")
    with pytest.raises(UsageError, match="Python code"):
        stored_game("skins:8:mine.py:SPEC")
    for wrong in ("skins:0:snake", "skins:snake", "skins:x:snake", "skins:8:", "skins:8:skins:8:snake"):
        with pytest.raises(UsageError):
            find_game(wrong)
    assert not has_skins(find_game("skins:8:snake"))
    with pytest.raises(UsageError, match="has no skins"):
        find_game("skins:8:gym:Taxi-v4")


def test_who_reads_the_plain_text_says_so() -> None:
    named("openspiel:kuhn_poker")
    problem = obstacle(make_agent("cfr:10"), find_game("skins:8:openspiel:kuhn_poker"))
    assert problem is not None


def test_a_variant_of_a_game_has_no_skins() -> None:
    named("openspiel:kuhn_poker")
    assert not has_skins(find_game("openspiel:kuhn_poker(players=3)"))
    assert not has_skins(find_game("openspiel:connect_four(rows=5)"))
