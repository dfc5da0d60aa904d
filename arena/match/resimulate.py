"""Resimulating a stored episode from its seed and its replies, and finding where it differs.

No agent is asked: the stored replies are told to the same kind of `Referee` that played the match, which
draws the board, the decisions' private seeds and the moves for invalid replies anew from the match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

from arena.match.episode import Attempt, EndReason, Episode, Step, is_verdict
from arena.match.match import Match, MatchConfig
from arena.match.referee import EnvPool, Referee
from arena.untrusted import one_line
from arena_agents import Reply
from arena_games.base import GameSpec

EXCERPT = 40  # characters of a value that are shown
OF_STEP = ("seat", "turn", "text", "legal", "attempts", "action", "name", "invalid", "reward")
OF_EPISODE = ("returns", "placements", "successes", "end", "detail", "culprit")


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """What was stored and what came out, in one `field` of an episode or of one of its steps."""

    episode: str
    field: str
    stored: object
    resimulated: object
    step: int | None = None
    seat: int | None = None

    def __str__(self) -> str:
        where = [one_line(self.episode)]
        if self.step is not None:
            where += [f"step {self.step}", f"seat {self.seat}"]
        stored, resimulated = excerpts(self.stored, self.resimulated)
        return f"{', '.join(where)}: {self.field} was stored as {stored}, replayed as {resimulated}"


def reading_exactly(spec: GameSpec) -> GameSpec:
    """The game with the extractor that runs of format 3 and before were played with."""
    return replace(spec, parse=getattr(spec.parse, "exactly", spec.parse))


def discrepancies(episode: Episode, spec: GameSpec, envs: EnvPool) -> Iterator[Discrepancy]:
    """Everything in which the resimulated episode differs, the earliest first.

    One end cannot be resimulated: a game error while a reply was read, which then is not in the
    record; such an episode is compared up to there.
    """
    if episode.version != spec.version:
        yield Discrepancy(episode.id, "game version", episode.version, spec.version)
        return
    match = stored_match(episode, spec)
    if match is None or match.id != episode.match_id:
        yield Discrepancy(episode.id, "id", episode.id, match and match.id)
        return
    again, goes_on = _resimulated(episode, match, envs)
    for position, (stored, resimulated) in enumerate(zip_longest(episode.steps, again.steps)):
        yield from _of_step(episode.id, position, stored, resimulated)
    if goes_on and episode.end != EndReason.GAME_ERROR:
        yield Discrepancy(episode.id, "end", episode.end, "going on")
    for field in OF_EPISODE:
        if goes_on and field in ("end", "detail"):
            continue
        was, came = getattr(episode, field), getattr(again, field)
        if was != came:
            yield Discrepancy(episode.id, field, was, came)


def stored_match(episode: Episode, spec: GameSpec) -> Match | None:
    """The match that the episode is the record of; None if its id or its players cannot be right."""
    prefix = f"{episode.game}:{episode.seed}:"
    repeat = episode.match_id.removeprefix(prefix).partition(":")[0]
    if not episode.id.startswith(prefix) or not repeat.isdecimal() or len(episode.players) != spec.seats:
        return None
    return Match(spec, episode.seed, episode.players, int(repeat))


def _resimulated(episode: Episode, match: Match, envs: EnvPool) -> tuple[Episode, bool]:
    """The episode that the stored replies lead to, and whether it would go on from there."""
    config = MatchConfig(max_invalid=_limit(episode))
    referee = Referee(match, envs.take(match.spec), config)
    for step in episode.steps:
        _tell_attempts(referee, step.attempts, config)
        if referee.observation is None:
            break
        referee.commit(step.reply, 0.0)
    if referee.observation is not None and episode.failed and episode.end != EndReason.GAME_ERROR:
        _tell_attempts(referee, episode.abandoned, config)
        unrated = episode.end == EndReason.AGENT_ERROR  # in older runs every failure of an agent is
        referee.commit(Reply("", error=episode.detail or "", passing=unrated), 0.0)
    goes_on, again = referee.observation is not None, referee.episode()
    if again.end != EndReason.GAME_ERROR:  # a broken environment is not used again
        envs.put(match.spec, referee.env)
    return again, goes_on


def _tell_attempts(referee: Referee, attempts: tuple[Attempt, ...], config: MatchConfig) -> None:
    """Tell the replies that were asked for again: as often as then, the match allows it now."""
    referee.config = replace(config, rethink=len(attempts))
    for attempt in attempts:
        if referee.observation is not None:
            referee.commit(attempt.reply, 0.0)


def _limit(episode: Episode) -> int | None:
    """How many invalid replies forfeited the match: as many as the seat that moved last has given."""
    if episode.end != EndReason.FORFEIT or not episode.steps or not is_verdict(episode.detail or ""):
        return None
    return sum(step.invalid is not None for step in episode.steps_of(episode.steps[-1].seat)) or None


def _of_step(id_: str, position: int, stored: Step | None, resimulated: Step | None) -> Iterator[Discrepancy]:
    if stored is None or resimulated is None:
        there = stored or resimulated
        assert there is not None
        kept, came = "none" if stored is None else "a step", "none" if resimulated is None else "a step"
        yield Discrepancy(id_, "playing on", kept, came, position, there.seat)
        return
    for field in OF_STEP:
        before, after = _value(stored, field), _value(resimulated, field)
        if before != after:
            yield Discrepancy(id_, field, before, after, position, stored.seat)


def _value(step: Step, field: str) -> object:
    if field == "attempts":
        return [(attempt.reply.text, attempt.invalid, attempt.illegal) for attempt in step.attempts]
    return getattr(step.observation if field in ("turn", "text", "legal") else step, field)


def excerpts(stored: object, resimulated: object) -> tuple[str, str]:
    """Both values as one line each; of long texts the part where they begin to differ."""
    if not (isinstance(stored, str) and isinstance(resimulated, str)):
        return one_line(str(stored)), one_line(str(resimulated))
    common = next(
        (i for i, (a, b) in enumerate(zip(stored, resimulated, strict=False)) if a != b),
        min(len(stored), len(resimulated)),
    )
    start = max(0, common - EXCERPT // 2)
    return _excerpt(stored, start), _excerpt(resimulated, start)


def _excerpt(text: str, start: int) -> str:
    end = start + EXCERPT
    return f"{'…' * (start > 0)}{text[start:end]!a}{'…' * (end < len(text))}"
