"""`episodes.jsonl`: a few of a training's own episodes, as they were learned from, token by token.

Of an update, the learner's seat in the kept episodes with the highest and the lowest advantage. They are
there to be looked at; nothing goes on from them, so a line that cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from arena.machine.files import append_line, write_text
from arena.match.episode import EndReason, Episode, Step
from arena_agents import Observation, Reply
from arena_agents.files import read_bytes
from arena_agents.limits import LARGEST_KEPT, LARGEST_NUMBER, LARGEST_TABLE
from arena_games.base import points

__all__ = ["EPISODES", "SampledEpisode", "SampledStep", "SampledToken", "append", "keep", "sampled_episodes"]

EPISODES = "episodes.jsonl"  # in the run's folder


def _as_utf8_can_carry(value: Any) -> Any:
    """A text's lone surrogates become question marks: a game of the user's may show some."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_as_utf8_can_carry)]


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class SampledToken(_Stored):
    """A token of a reply; log-probabilities are natural ones, None where they are not finite.

    `logprob` is the engine's, that of being drawn; `mismatch` is the trainer's own less that. Both are None
    of what was put there and not drawn. A reply that was drawn whole, by choice decoding, is one token.
    """

    text: Text
    logprob: float | None
    mismatch: float | None


class SampledStep(_Stored):
    """One decision of the learner's seat: what it saw and said, what came of it, what it was credited."""

    turn: int = Field(ge=0, le=LARGEST_NUMBER)
    observation: Text
    reply: Text
    reasoning: Text | None = None
    action: Text
    invalid: Text | None = None
    reward: float
    advantage: float | None
    tokens: tuple[SampledToken, ...]


class SampledEpisode(_Stored):
    """The learner's seat in an episode of the update `step`; `players` are by seat."""

    step: int = Field(ge=0, le=LARGEST_NUMBER)
    game: Text
    version: int = Field(ge=0, le=LARGEST_NUMBER)
    seat: int = Field(ge=0, le=1000)
    players: tuple[Text, ...] = Field(max_length=1000)
    total: float
    success: bool
    steps: tuple[SampledStep, ...] = Field(max_length=100_000)

    def episode(self) -> Episode:
        """What there is of it as an episode: the other seats' moves, returns and places are not known."""
        seats = len(self.players)
        return Episode(
            id=f"{self.game}, update {self.step}",
            game=self.game,
            version=self.version,
            seed=0,
            players=_told_apart(self.players),
            steps=tuple(self._step(one) for one in self.steps),
            returns=tuple(self.total if seat == self.seat else 0.0 for seat in range(seats)),
            placements=(1,) * seats,
            successes=tuple(self.success and seat == self.seat for seat in range(seats)),
            end=EndReason.FINISHED,
        )

    @property
    def outcome(self) -> str:
        """How it ended for the learner, in a sentence."""
        return f"Over: {'success' if self.success else 'no success'}, return {points(self.total)}"

    @property
    def notice(self) -> str:
        """What is missing, if anything."""
        alone = len(self.players) == 1
        return "" if alone else "Of the other seats neither moves nor returns are kept."

    def _step(self, one: SampledStep) -> Step:
        seen = Observation(self.game, self.seat, one.turn, one.observation, ())
        reply = Reply(one.reply, reasoning=one.reasoning)
        return Step(self.seat, seen, reply, one.action, one.invalid, one.reward, name=one.action)


def _told_apart(players: Sequence[str]) -> tuple[str, ...]:
    """The players by seat; who holds several, as the learner does in self-play, with each seat's number."""
    return tuple(
        f"{name} (seat {seat})" if players.count(name) > 1 else name for seat, name in enumerate(players, 1)
    )


def append(run: Path, episodes: Sequence[SampledEpisode]) -> None:
    """Add an update's episodes, unless `LARGEST_KEPT` is reached."""
    path = run / EPISODES
    if path.is_file() and path.stat().st_size > LARGEST_KEPT:
        return
    for episode in episodes:
        append_line(path, episode.model_dump_json())


def sampled_episodes(run: Path) -> list[SampledEpisode]:
    """The episodes of a training's folder that can be read, in the order in which they were learned from."""
    path = run / EPISODES
    if not path.is_file():
        return []
    lines = read_bytes(path, LARGEST_TABLE).splitlines(keepends=True)
    return [one for line in lines if line.endswith(b"\n") and (one := _parsed(line)) is not None]


def keep(run: Path, last: int) -> None:
    """Forget the episodes after this step: they will be played again."""
    if (run / EPISODES).is_file():
        kept = [f"{one.model_dump_json()}\n" for one in sampled_episodes(run) if one.step <= last]
        write_text(run / EPISODES, "".join(kept))


def _parsed(line: bytes) -> SampledEpisode | None:
    try:
        found = SampledEpisode.model_validate_json(line)
    except ValidationError:
        return None
    return found if found.seat < len(found.players) else None
