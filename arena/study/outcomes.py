"""What a policy's test episodes came to, episode by episode: one small JSON file a policy, game and decoding.

Episode i is the same for everybody: it follows from the evaluation's seed and i alone. So files can be
compared episode by episode, and more episodes go on where a file ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from arena.machine.files import write_text
from arena.match.episode import Episode
from arena.match.evaluate import UNDER_TEST, Conditions, counts, played_episodes
from arena.match.match import MatchConfig
from arena.match.seeds import Split, episode_seed
from arena.tournament.options import DEADLINE_S
from arena.untrusted import file_name
from arena_agents import Agent
from arena_agents.base import Sampling
from arena_agents.files import read_text
from arena_games.base import GameSpec, UsageError

AS_IT_IS = "as it is"  # decoding of an agent that has no temperature
BATCH = 500  # episodes after which what was played is stored


class Outcomes(BaseModel):
    """Columns of equal length, episode by episode: what the agent's seat got, and how it played.

    `counts` is false for an episode that somebody else's failure cut short; what the agent's own failure cut
    short counts with what it had been paid, and as no success.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    game: str
    version: int
    seed: int
    decoding: str
    returns: tuple[float, ...] = ()
    successes: tuple[bool, ...] = ()
    decisions: tuple[int, ...] = ()
    invalid: tuple[int, ...] = ()
    counts: tuple[bool, ...] = ()

    @model_validator(mode="after")
    def _of_equal_length(self) -> Self:
        columns = (self.successes, self.decisions, self.invalid, self.counts)
        if any(len(column) != len(self) for column in columns):
            raise ValueError("its columns are of different lengths")
        return self

    def __len__(self) -> int:
        return len(self.returns)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which test episodes: of which policy and game, how many, from which seed, how replies are drawn."""

    policy: str
    game: GameSpec
    episodes: int
    seed: int
    decoding: str

    def path(self, folder: Path) -> Path:
        """The file of these outcomes in a cell's folder."""
        name = f"{self.policy}@{file_name(self.game.name)}@{file_name(self.decoding)}.json"
        return folder / "outcomes" / name

    def stored(self, folder: Path) -> Outcomes:
        """What is there already of these very episodes: no file's that tells of others."""
        blank = Outcomes(
            game=self.game.name, version=self.game.version, seed=self.seed, decoding=self.decoding
        )
        path = self.path(folder)
        try:
            found = Outcomes.model_validate_json(read_text(path)) if path.is_file() else blank
        except (ValidationError, UsageError):
            return blank
        names = ("game", "version", "seed", "decoding")
        return found if all(getattr(found, name) == getattr(blank, name) for name in names) else blank

    def found(self, folder: Path) -> Outcomes:
        """What is stored of it; of an agent that has no temperature, what it played as it is."""
        own = self.stored(folder)
        return own if len(own) else replace(self, decoding=AS_IT_IS).stored(folder)

    def done(self, folder: Path) -> bool:
        """Whether all of these episodes are stored."""
        return len(self.found(folder)) >= self.episodes


def play_outcomes(agent: Agent, asked: Asked, folder: Path) -> Outcomes:
    """Play the episodes that are not stored yet, and store them. Raises UsageError if the agent cannot."""
    if not isinstance(getattr(agent, "sampling", None), Sampling):
        asked = replace(asked, decoding=AS_IT_IS)
    done, drawn = asked.stored(folder), at_decoding(agent, asked.decoding)
    while len(done) < asked.episodes:
        upto = min(asked.episodes, len(done) + BATCH)
        rules = MatchConfig(deadline_s=DEADLINE_S)
        conditions = Conditions(episodes=upto, seed=asked.seed, first=len(done), config=rules)
        played = played_episodes(drawn, asked.game, conditions)
        done = _longer(done, _in_order(played, conditions))
        asked.path(folder).parent.mkdir(exist_ok=True)
        write_text(asked.path(folder), done.model_dump_json())
    return done


def at_decoding(agent: Agent, decoding: str) -> Agent:
    """The agent itself, set to draw so. `sampled` leaves it at its own temperature."""
    sampling = getattr(agent, "sampling", None)
    if decoding in ("sampled", AS_IT_IS) or not isinstance(sampling, Sampling):
        return agent
    temperature = 0.0 if decoding == "greedy" else float(decoding)
    twin = copy(agent)
    twin.sampling = replace(sampling, temperature=temperature)  # type: ignore[attr-defined]
    return twin


def _in_order(episodes: Sequence[Episode], conditions: Conditions) -> list[Episode]:
    by_seed = {episode.seed: episode for episode in episodes}
    numbers = range(conditions.first, conditions.episodes)
    return [by_seed[episode_seed(Split.TEST, conditions.seed, number)] for number in numbers]


def _longer(done: Outcomes, episodes: Sequence[Episode]) -> Outcomes:
    seats = [episode.players.index(UNDER_TEST) for episode in episodes]
    pairs = list(zip(episodes, seats, strict=True))
    steps = [episode.steps_of(seat) for episode, seat in pairs]
    more: dict[str, list[Any]] = {
        "returns": [episode.returns[seat] for episode, seat in pairs],
        "successes": [bool(episode.successes[seat]) for episode, seat in pairs],
        "decisions": [len(taken) for taken in steps],
        "invalid": [sum(step.invalid is not None for step in taken) for taken in steps],
        "counts": list(map(counts, episodes)),
    }
    return done.model_copy(update={name: (*getattr(done, name), *new) for name, new in more.items()})
