"""`arena replay` and `arena watch` of a training: the episodes that it kept, token by token."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.training.sampled import SampledEpisode, SampledStep, SampledToken, sampled_episodes
from arena.untrusted import escaped_line
from arena.views.terminal.controls import ReplayControls
from arena.views.terminal.frames import Replay
from arena.views.terminal.keys import can_read_keys
from arena.views.terminal.plain import PlainPrinter
from arena.views.terminal.recorded import Recorded
from arena.views.terminal.screen import show
from arena_games.base import UsageError, points

LONGEST_TOKEN = 40  # characters of one that are shown
MOST_LISTED = 40


def show_sampled(
    folder: Path,
    number: str | None,
    *,
    speed: float | None = None,
    plain: bool = False,
    as_json: bool = False,
) -> None:
    """Show the sampled episode of that number; without one, list them. Raises UsageError if there is none."""
    episodes = sampled_episodes(folder)
    if number is None and as_json:
        print(json.dumps([_summary(at, one) for at, one in enumerate(episodes, 1)], indent=2))
        return
    if number is None:
        _list(folder, episodes)
        return
    episode = _found(folder, episodes, number)
    if as_json:
        print(episode.model_dump_json(indent=2))
        return
    _show(episode, f"{number} of {len(episodes)}", speed=speed, plain=plain)


def show_newest(folder: Path, count: int, *, speed: float | None = None, plain: bool = False) -> None:
    """Show the newest sampled episodes, the newest last."""
    episodes = sampled_episodes(folder)
    for episode in episodes[-count:]:
        _show(episode, f"update {episode.step}", speed=speed, plain=plain)


def sampled_replay(episode: SampledEpisode) -> Replay:
    """The episode as a replay, with what is told of the learning beside each decision."""
    remarks = tuple(remark(step) for step in episode.steps)
    return Replay(episode.episode(), notice=episode.notice, remarks=remarks, outcome=episode.outcome)


def remark(step: SampledStep) -> str:
    """A decision's advantage, then each token with its probability, and mismatch where there is any."""
    credited = (
        "not learned from" if step.advantage is None else f"advantage {points(round(step.advantage, 3))}"
    )
    tokens = " ".join(map(_token, step.tokens))
    return f"{credited}; tokens: {tokens}" if tokens else credited


def _token(token: SampledToken) -> str:
    text = escaped_line(token.text, LONGEST_TOKEN)
    if token.logprob is None:
        return f"{text} [put there]"
    off = f", mismatch {token.mismatch:+.4f}" if token.mismatch and abs(token.mismatch) >= 5e-5 else ""
    return f"{text} [{math.exp(min(0.0, token.logprob)):.0%}, log {token.logprob:.3f}{off}]"


def _show(episode: SampledEpisode, title: str, *, speed: float | None, plain: bool) -> None:
    replay = sampled_replay(episode)
    if not plain and can_read_keys():
        show(Recorded(replay), ReplayControls(speed=speed or 2.0), f"{replay.episode.id}  {title}")
        return
    printer = PlainPrinter(Console(), speed)
    printer.title(replay.episode.id)
    for position in range(replay.last + 1):
        printer.print(replay, position)


def _summary(number: int, episode: SampledEpisode) -> dict[str, object]:
    return {"number": number, "moves": len(episode.steps), **episode.model_dump(exclude={"steps"})}


def _list(folder: Path, episodes: Sequence[SampledEpisode]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("#", "update", "return", "moves", "advantage"):
        table.add_column(heading, justify="right", no_wrap=True)
    first = max(0, len(episodes) - MOST_LISTED)
    for number, one in enumerate(episodes[first:], first + 1):
        known = [step.advantage for step in one.steps if step.advantage is not None]
        mean = f"{sum(known) / len(known):+.2f}" if known else "–"
        table.add_row(str(number), str(one.step), points(one.total), str(len(one.steps)), mean)
    Console().print(table)
    how = f"arena replay {quote(str(folder))} NUMBER, from 1 to {len(episodes)}"
    Console().print(Text(f"\nEpisodes that were learned from, token by token: {how}"), soft_wrap=True)


def _found(folder: Path, episodes: Sequence[SampledEpisode], number: str) -> SampledEpisode:
    place = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    if not 1 <= place <= len(episodes):
        raise UsageError(
            f"{folder} holds no episode {number!r}, only numbers 1 to {len(episodes)}; "
            f"see arena replay {quote(str(folder))}"
        )
    return episodes[place - 1]
