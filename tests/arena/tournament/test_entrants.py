"""What --agents says, and which policies have to be trained for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arena.tournament.entrants import Entrant, Training, parse_entrants, trainings
from arena.tournament.options import DEFAULT_AGENTS
from arena.tournament.prepare import command
from arena_games.base import UsageError
from arena_games.registry import find_game, game_specs

LAKE, SNAKE = find_game("frozen-lake"), find_game("snake")
OUT = Path("out")
OWN = "tests.arena.my_games:PAIR"


def test_the_default_agents() -> None:
    entrants = parse_entrants(DEFAULT_AGENTS)
    assert [entrant.label for entrant in entrants] == DEFAULT_AGENTS.split(",")
    names = [training.name for training in trainings(entrants, game_specs(), OUT)]
    assert names == [*(f"dqn@{spec.name}" for spec in game_specs()), "nano@snake", "nano@frozen-lake"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("random", Entrant("random", "random")),
        ("mine=a/b.py:Mine", Entrant("mine", "a/b.py:Mine")),
        ("a/b=c.py:Mine", Entrant("a/b=c.py:Mine", "a/b=c.py:Mine")),
        ("dqn", Entrant("dqn", "dqn", base="dqn")),
        ("nano+snake", Entrant("nano+snake", "nano+snake", base="nano", trained_on="snake")),
        ("x=hf:a/b+snake", Entrant("x", "hf:a/b+snake", base="hf:a/b", trained_on="snake")),
        (f"nano+{OWN}", Entrant(f"nano+{OWN}", f"nano+{OWN}", base="nano", trained_on=OWN)),
        ("c++/agent.py:Mine", Entrant("c++/agent.py:Mine", "c++/agent.py:Mine")),
        ("nano[decode=choice]", Entrant("nano[decode=choice]", "nano[decode=choice]")),
        ("x=nano[decode=choice]", Entrant("x", "nano[decode=choice]")),
        (
            "nano+snake[decode=choice]",
            Entrant(
                "nano+snake[decode=choice]", "nano+snake[decode=choice]", base="nano", trained_on="snake"
            ),
        ),
        ("m@http://[::1]:8/v1", Entrant("m@http://[::1]:8/v1", "m@http://[::1]:8/v1")),
    ],
)
def test_one_entrant(text: str, expected: Entrant) -> None:
    assert parse_entrants(text) == [expected]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (" , ", "names nobody"),
        ("random,random", "name them apart"),
        ("a=random,a=search", "two agents are called 'a'"),
        ("house:random", "kept for the house"),
        ("nano+snke", "did you mean 'snake'"),
        ("nano[decode=best]", "free or choice"),
        ("nano[decode=choice,top=1]", "unknown setting 'top'"),
        ("dqn[decode=choice]", "dqn is none"),
    ],
)
def test_what_cannot_be_meant(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_entrants(text)


def test_the_option_is_for_the_language_models_that_do_not_say_it_themselves() -> None:
    agents = "random,dqn,x=hf:a/b,nano[decode=free],nano+snake,m@http://[::1]:8/v1"
    assert {entrant.label: entrant.spec for entrant in parse_entrants(agents, {"decode": "choice"})} == {
        "random": "random",
        "dqn": "dqn",
        "x": "hf:a/b[decode=choice]",
        "nano[decode=free]": "nano[decode=free]",
        "nano+snake[decode=choice]": "nano+snake[decode=choice]",
        "m@http://[::1]:8/v1[decode=choice]": "m@http://[::1]:8/v1[decode=choice]",
    }
    with pytest.raises(UsageError, match="none takes part"):
        parse_entrants("random,dqn", {"decode": "choice"})


def test_what_is_trained_to_choose_has_a_folder_of_its_own() -> None:
    free, chooses = parse_entrants("nano+snake,nano+snake[decode=choice]")
    wanted = Training("nano", "snake", OUT / "agents" / "nano-decode-choice@snake", ("decode=choice",))
    assert chooses.training(SNAKE, OUT) == wanted
    assert free.training(SNAKE, OUT) == Training("nano", "snake", OUT / "agents" / "nano@snake")
    assert command(wanted, 3)[-2:] == ["--set", "decode=choice"]


def test_a_specialist_plays_each_game_with_a_policy_of_its_own() -> None:
    (dqn,) = parse_entrants("dqn")
    assert dqn.training(SNAKE, OUT) == Training("dqn", "snake", OUT / "agents" / "dqn@snake")
    assert dqn.playable(LAKE, OUT) == str(OUT / "agents" / "dqn@frozen-lake")


def test_a_trained_model_plays_every_game_with_one_policy() -> None:
    (model,) = parse_entrants("nano+snake")
    assert {model.playable(spec, OUT) for spec in game_specs()} == {str(OUT / "agents" / "nano@snake")}


def test_labels_name_the_folders_and_must_not_share_one() -> None:
    (labelled,) = parse_entrants("x=dqn")
    assert labelled.training(SNAKE, OUT) == Training("dqn", "snake", OUT / "agents" / "x@snake")
    with pytest.raises(UsageError, match="would share"):
        trainings(parse_entrants("hf:a/b+snake,hf:a-b+snake"), [SNAKE], OUT)


def test_a_training_has_a_seed_and_settings_of_its_own() -> None:
    """Two entrants are two replicates, and each is trained as it says."""
    entrants = parse_entrants("nano+snake[seed=3,keep=1],nano+snake[seed=4,keep=1],nano+snake,dqn[seed=3]")
    found = trainings(entrants, [SNAKE], OUT)
    assert len({training.folder for training in found}) == 4
    commands = [command(training, 9) for training in found]
    assert [words[words.index("--seed") + 1] for words in commands] == ["3", "4", "9", "3"]
    assert [words[-2:] == ["--set", "keep=1"] for words in commands] == [True, True, False, False]
    assert [(training.agent, training.game) for training in found] == [("nano", "snake")] * 3 + [
        ("dqn", "snake")
    ]


def test_settings_of_training_and_of_play_stand_side_by_side() -> None:
    (entrant,) = parse_entrants("nano+snake[decode=choice,steps=5]")
    assert entrant.training(SNAKE, OUT).settings == ("decode=choice", "steps=5")
    (entrant,) = parse_entrants("nano+snake[steps=5]", {"decode": "choice"})
    assert set(entrant.training(SNAKE, OUT).settings) == {"decode=choice", "steps=5"}
    assert parse_entrants(entrant.spec) == [entrant], "what is stored is read again"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nano+snake[keep=7]", "'nano+snake[keep=7]' cannot be trained: bad value 7 for keep"),
        ("nano+snake[kep=1]", "unknown setting 'kep'"),
        ("nano+snake[game=snake]", "unknown setting 'game'"),
        ("nano[seed=3]", "unknown setting 'seed'"),
        ("dqn[radius=x]", "cannot be trained: bad value 'x' for radius"),
        ("dqn[keep=1]", "unknown setting 'keep'"),
    ],
)
def test_what_no_training_can_have_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        parse_entrants(text)
