"""A replay of a match: one frame for each decision, and one more for what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from arena.match.episode import EndReason, Episode, Step
from arena_agents import Observation
from arena_games.base import GameSpec, UsageError, points
from arena_games.board import Board
from arena_games.registry import stored_game


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A match as far as it has been played. `over` says that `episode` is complete.

    `waiting` is what the player to move has been shown. `closing` is the position after the last
    move, if it is known. `notice` is a line for the viewer, such as why something is missing;
    `remarks` are such lines beside each decision, or none. `outcome` says what came of it where the
    episode itself cannot.
    """

    episode: Episode
    over: bool = True
    waiting: Observation | None = None
    closing: Observation | None = None
    notice: str = ""
    remarks: tuple[str, ...] = ()
    outcome: str = ""

    @property
    def last(self) -> int:
        """The position of the last frame: the end, or the decision that is waited for."""
        return len(self.episode.steps)

    def is_paid(self, position: int) -> bool:
        """Whether a decision's reward is complete: its seat has been asked again, or the match is over."""
        steps = self.episode.steps
        asked = [step.seat for step in steps[position + 1 :]]
        if self.waiting is not None:
            asked.append(self.waiting.seat)
        return self.over or steps[position].seat in asked


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What is shown of one moment; texts are the agents' and the game's own, not yet harmless.

    `seat` decides, or saw this last. `action` and `invalid` tell what was made of `reply`; all three
    are None where nothing has been decided. `reward` is None while it is not known. `returns`
    are by seat, this decision included.
    """

    position: int
    seat: int | None
    observation: Observation | None
    board: Board | None
    reply: str | None
    action: str | None
    invalid: str | None
    reward: float | None
    seconds: float
    returns: tuple[float, ...]
    state: str  # the last frame's: what came of the match, or who is waited for
    remark: str = ""


def frame(replay: Replay, position: int) -> Frame:
    """The frame at a position from 0 to `replay.last`. Raises IndexError outside of that."""
    if not 0 <= position <= replay.last:
        raise IndexError(f"a replay of {replay.last + 1} frames has none at {position}")
    spec = _spec(replay.episode.game)
    if position == replay.last:
        return _closing_frame(replay, spec)
    step = replay.episode.steps[position]
    return Frame(
        position=position,
        seat=step.seat,
        observation=step.observation,
        board=_picture(spec, step.observation),
        reply=said(step),
        action=action_name(spec, step),
        invalid=step.invalid,
        reward=step.reward if replay.is_paid(position) else None,
        seconds=step.seconds,
        returns=running_returns(replay.episode, position + 1),
        state="",
        remark=replay.remarks[position] if replay.remarks else "",
    )


def said(step: Step) -> str:
    """The reply, after those that were asked for again, each with the reason why."""
    attempts = [f"{attempt.reply.text}\n[asked again: {attempt.invalid}]\n" for attempt in step.attempts]
    return "".join([*attempts, step.reply.text])


def _closing_frame(replay: Replay, spec: GameSpec | None) -> Frame:
    steps = replay.episode.steps
    seen = replay.waiting or replay.closing or (steps[-1].observation if steps else None)
    return Frame(
        position=replay.last,
        seat=None if seen is None else seen.seat,
        observation=seen,
        board=None if seen is None else _picture(spec, seen),
        reply=None,
        action=None,
        invalid=None,
        reward=None,
        seconds=0.0,
        returns=replay.episode.returns,
        state=(replay.outcome or ending(replay.episode)) if replay.over else _awaited(replay, spec),
    )


def running_returns(episode: Episode, decisions: int) -> tuple[float, ...]:
    """What each seat has been paid for the first `decisions` decisions of the match."""
    returns = [0.0] * len(episode.players)
    for step in episode.steps[:decisions]:
        returns[step.seat] += step.reward
    return tuple(returns)


def ending(episode: Episode) -> str:
    """How the match ended, in a sentence."""
    if not episode.end.rated:
        whose = f"an error of {episode.culprit}" if episode.culprit else "an error of the game"
        return f"Ended by {whose}, not rated: {episode.detail}"
    how = {EndReason.TRUNCATED: "Over at the horizon", EndReason.FORFEIT: "Forfeited"}.get(
        episode.end, "Over"
    )
    detail = f" ({episode.culprit}: {episode.detail})" if episode.end == EndReason.FORFEIT else ""
    if len(episode.players) == 1:
        return f"{how}{detail}: {'success' if episode.successes[0] else 'no success'}"
    places = zip(episode.placements, episode.players, strict=True)
    return f"{how}{detail}: " + ", ".join(f"{place}. {player}" for place, player in sorted(places))


def action_name(spec: GameSpec | None, step: Step) -> str:
    """The name of the action that was played, or its number where the game does not know it."""
    action, names = step.action, spec.action_names if spec else ()
    if step.name is not None or isinstance(action, str):
        return step.name or str(action) or "(nothing)"
    return names[action] if 0 <= action < len(names) else f"action {action}"


def _picture(spec: GameSpec | None, observation: Observation) -> Board | None:
    """The game's own picture of the position; None where it has none, or fails at it."""
    if spec is None or spec.board is None:
        return None
    try:
        return spec.board(observation)
    except Exception:  # a user's game may raise anything; its text is shown all the same
        return None


def _awaited(replay: Replay, spec: GameSpec | None) -> str:
    """Who is to move, and what that seat's last move has earned."""
    if replay.waiting is None:
        return "About to begin"
    before = replay.episode.steps_of(replay.waiting.seat)
    last = f"; last: {action_name(spec, before[-1])}, {points(before[-1].reward)}" if before else ""
    return f"Waiting for {replay.episode.players[replay.waiting.seat]}{last}"


def _spec(game: str) -> GameSpec | None:
    try:
        return stored_game(game)
    except UsageError:  # a plug-in's, not installed here
        return None
