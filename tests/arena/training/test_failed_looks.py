"""A look of which no episode came to an end judges no policy, and no run begins with one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from arena.training.language.guard import Guard
from arena.training.language.rollout import Rollout
from arena.training.language.training import CONFIRMED, HELD_OUT, NOT_PLAYED, LanguageTraining
from arena_games.base import UsageError


class Unlucky(LanguageTraining):
    """A run whose opponents fail in every held-out episode."""

    def __init__(self) -> None:
        self.config: Any = SimpleNamespace(eval_every=2, steps=9, opponents="m@http://x/v1", game="snake")
        self.step, self.seconds, self.guard = 4, 0.0, Guard(0.0, 0.5, 2, 0.5)
        self.notes: list[str] = []
        self.reporter: Any = SimpleNamespace(note=self.notes.append)

    def evaluate(self) -> Rollout:
        return Rollout((), failed_groups=16)

    def confirm(self) -> Rollout:
        return NOT_PLAYED


def test_a_look_without_an_episode_judges_nothing() -> None:
    run = Unlucky()
    before = run.guard
    assert run.look() == dict.fromkeys(HELD_OUT + CONFIRMED)
    assert run.guard == before
    assert run.notes == [
        "step 4: no validation episode came to an end: opponents (m@http://x/v1) or snake failed; "
        "the policy is not judged"
    ]


def test_no_run_begins_with_one() -> None:
    with pytest.raises(UsageError, match="no validation episode came to an end"):
        Unlucky()._begin()
