"""A game of TextArena as a PettingZoo AEC environment whose actions are free text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from arena_games.aec import Outcome
from arena_games.base import Action
from arena_games.textarena.chance import OwnChance
from arena_games.turns import LONGEST_NAME, LONGEST_TEXT, AnyText, TurnsEnv

SEEDS = 2**31 - 1
LONGEST_REASON = 300
SAMPLED = 80  # characters of an action that is drawn from the action space; those of players may be longer
_OFFERS = re.compile(r"available|legal|valid", re.IGNORECASE)
_BRACKETED = re.compile(r"\[[^\[\]\n]{1,60}\]")


class TextArenaEnv(TurnsEnv):
    """Every match has a fresh game: TextArena's wrapper shows a game that is used again the one before.

    A seat sees all that was said to it. What it says is judged by the game alone: where the game calls it
    invalid, the seat's `infos` hold the reason under `invalid`. Who is invalid too often loses by its rules.
    """

    def __init__(self, name: str, make: Callable[[], Any], players: int, horizon: int) -> None:
        super().__init__(
            name,
            players,
            {"action_names": spaces.Sequence(AnyText(LONGEST_NAME, min_length=0))},
            AnyText(SAMPLED, min_length=0),
            horizon=horizon,
        )
        self._make, self._players = make, players

    def begin(self) -> None:
        self._done = False
        self._earned: list[float] | None = None
        self._shown = [""] * self._players
        self._chance = OwnChance(int(np.random.default_rng(self._seed).integers(SEEDS)))
        with self._chance.in_place():
            self._game = self._make()
            self._game.reset(num_players=self._players, seed=int(self.rng.integers(SEEDS)))
            self._look()

    def movers(self) -> Sequence[int]:
        return () if self._done else (self._mover,)

    def _look(self) -> None:
        """Ask the game once what the next player is told: it hands out what is new, and forgets it."""
        player, text = self._game.get_observation()
        self._mover = int(player)
        self._shown[self._mover] = str(text).strip() or self._shown[self._mover]

    def view(self, seat: int) -> dict[str, Any]:
        text = self._shown[seat][-LONGEST_TEXT:]
        offered = suggestions(text) if not self._done and seat == self._mover else ()
        return {"text": text, "action_names": offered}

    def move(self, moves: Mapping[int, Action]) -> None:
        ((seat, said),) = moves.items()
        errors = self._errors()
        with self._chance.in_place():
            self._done, _ = self._game.step(action=str(said))
            if self._done:
                rewards, told = self._game.close()
            else:
                self._look()
        verdict = None
        if self._done:
            self._earned = [_points((rewards or {}).get(player, 0.0)) for player in range(self._players)]
            mine = (told or {}).get(seat, {})
            verdict = mine.get("reason") or "invalid move" if mine.get("invalid_move") else None
        elif self._errors() > errors:
            verdict = _reason(self._shown[seat])
        agent = self.possible_agents[seat]
        self.infos[agent] = {"invalid": " ".join(str(verdict).split())[:LONGEST_REASON]} if verdict else {}

    def _errors(self) -> int:
        """Invalid moves that the game has in its books since the last valid one."""
        return int(getattr(self._game.state, "error_count", 0) or 0)

    def totals(self) -> Sequence[float] | None:
        return self._earned

    def outcome(self) -> Outcome:
        if self._players == 1:  # less than 1 is how far one got
            return Outcome((1,), (self._totals[0] >= 1,))
        return super().outcome()

    def _told_at_the_end(self, agent: str, outcome: Outcome) -> dict[str, Any]:
        return {**self.infos[agent], **super()._told_at_the_end(agent, outcome)}


def _points(reward: Any) -> float:
    """A reward as a number. Some games of 0.7.4 pay an invalid move the reason in words: it loses."""
    return -1.0 if isinstance(reward, str) else float(reward or 0.0)


def suggestions(text: str) -> tuple[str, ...]:
    """What the game's last line on available moves offers, brackets included; nothing where it has none."""
    for line in reversed(text.splitlines()[-40:]):
        if _OFFERS.search(line):
            said = re.sub(r"^\[[^\]]*\] ", "", line)  # without who says it
            found = tuple(dict.fromkeys(_BRACKETED.findall(said)))
            if found:
                return found
    return ()


def _reason(text: str) -> str:
    found = re.findall(r"invalid move\. Reason: (.*?)(?: Please resubmit|$)", text, re.DOTALL)
    return found[-1] if found else "invalid move"
