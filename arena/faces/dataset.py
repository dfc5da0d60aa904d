"""A tournament's decisions as rows to teach from: JSON Lines that `datasets` and TRL's trainers read.

A row is one decision of one open seat:

    prompt      chat messages, by the default template or one of the user's
    completion  what was replied, as one chat message
    action      what was played, by name; legal: the names that could be, where the game lists its actions
    valid       whether it is what the reply said; else a random legal one was played in its place
    reward      the step's; return, success: the seat's in the whole episode
    advantage   the return less the mean of all rated ones in this seat of this game from this seed
    game, version, seed, seat, turn, player, episode

Turns that `--memory` showed beside the observation are not in the prompts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from statistics import fmean
from typing import Any

from arena.machine.files import write_lines
from arena.match.episode import Episode, Step
from arena.record.store import Store
from arena.record.trust import untrusted_games
from arena_agents.language.template import PromptTemplate, load_template
from arena_games.base import GameSpec, UsageError
from arena_games.registry import stored_game

__all__ = ["export_dataset"]

FILE_NAME = "dataset.jsonl"
Start = tuple[str, int, int]  # game, seed, seat


def export_dataset(
    run: Path,
    out: Path | None = None,
    *,
    winners: bool = False,
    template: Path | None = None,
    trust: bool = False,
) -> tuple[Path, int]:
    """Write the decisions of the rated episodes into `out` (default: RUN/dataset.jsonl).

    `winners` keeps the valid replies of seats that came first, or succeeded where all have one place.
    Returns the file and how many rows it has. Raises UsageError if the folder holds no tournament, and for
    games that are the user's own code unless `trust` lets it run.
    """
    path, words, written = out or run / FILE_NAME, load_template(template), 0

    def lines(store: Store) -> Iterator[str]:
        nonlocal written
        players, means = set(store.meta("config").get("agents", {})), mean_returns(store)
        for episode in store.episodes():
            for row in rows(episode, players, words, means) if episode.end.rated else ():
                if not winners or (row["valid"] and won(episode, row["seat"])):
                    written += 1
                    yield json.dumps(row)

    with Store.read(run) as store:
        if code := untrusted_games(store, trust=trust):
            raise UsageError(
                f"{code[0]} is Python code and was not run; arena export {quote(str(run))} --dataset --trust "
                "runs it"
            )
        write_lines(path, lines(store))
    return path, written


def mean_returns(store: Store) -> dict[Start, float]:
    """The mean return of all rated episodes from each start, in each seat."""
    returns: dict[Start, list[float]] = defaultdict(list)
    for result in store.results():
        if result.rated:
            for seat, value in zip(result.seats, result.returns, strict=True):
                returns[result.game, result.seed, seat].append(value)
    return {start: fmean(values) for start, values in returns.items()}


def won(episode: Episode, seat: int) -> bool:
    """Whether a seat came first; where all share one place, whether it succeeded."""
    places = episode.placements
    return episode.successes[seat] if len(set(places)) == 1 else places[seat] == min(places)


def rows(
    episode: Episode, players: set[str], words: PromptTemplate, means: Mapping[Start, float]
) -> Iterator[dict[str, Any]]:
    """The decisions of those seats that agents under test hold, in playing order.

    Raises UsageError if the game has another version now: its rules would be told wrongly.
    """
    spec = stored_game(episode.game)
    if spec.version != episode.version:
        raise UsageError(
            f"{episode.id}: {episode.game} was of version {episode.version}, here it is {spec.version}; "
            "its words have changed, play it again"
        )
    for step in episode.steps:
        if episode.players[step.seat] in players:
            yield _of_step(spec, step, words) | _of_seat(episode, step.seat, means)


def _of_step(spec: GameSpec, step: Step, words: PromptTemplate) -> dict[str, Any]:
    seen, names = step.observation, spec.action_names
    return {
        "prompt": words.messages(spec, seen),
        "completion": [{"role": "assistant", "content": step.reply.text}],
        "action": step.action if isinstance(step.action, str) else step.name or names[step.action],
        "legal": [names[action] for action in seen.legal] if names else None,
        "valid": step.invalid is None,
        "reward": step.reward,
        "turn": seen.turn,
    }


def _of_seat(episode: Episode, seat: int, means: Mapping[Start, float]) -> dict[str, Any]:
    whole = episode.returns[seat]
    return {
        "return": whole,
        "success": episode.successes[seat],
        "advantage": whole - means[episode.game, episode.seed, seat],
        "game": episode.game,
        "version": episode.version,
        "seed": episode.seed,
        "seat": seat,
        "player": episode.players[seat],
        "episode": episode.id,
    }
