"""A tournament's episodes as Inspect's eval logs, for `inspect view` and its data frames.

One log for each agent and game; a sample is one seat's episode, its messages what the seat saw and said.
Inspect calls the files unfrozen and its Python API the stable face, so they are written by that.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from arena.machine.copies import refuse_links
from arena.match.episode import Episode
from arena.record.store import Store
from arena.untrusted import file_name
from arena_games.base import UsageError

__all__ = ["export_inspect"]

Seats = Sequence[tuple[Episode, int]]


def export_inspect(run: Path, out: Path | None = None) -> list[Path]:
    """Write the logs of the rated episodes into `out` (default: RUN/inspect), and return their paths.

    Raises UsageError if the folder holds no tournament, or inspect-ai is not installed.
    """
    log = _inspect()
    if out is None:
        refuse_links(run)
    with Store.read(run) as store:
        agents, begun = store.meta("config").get("agents", {}), store.meta("environment")
        seats: dict[tuple[str, str], list[tuple[Episode, int]]] = defaultdict(list)
        for episode in store.episodes():
            for seat, player in enumerate(episode.players):
                if player in agents and episode.end.rated:
                    seats[player, episode.game].append((episode, seat))
    folder = out or run / "inspect"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, ((player, game), held) in enumerate(seats.items()):
        path = folder / f"{number:03d}_{file_name(player)}_{file_name(game)}.eval"
        log.write_eval_log(_log(log, player, agents[player], game, held, begun), path, format="eval")
        written.append(path)
    return written


def _log(log: Any, player: str, spec: str, game: str, held: Seats, begun: dict[str, Any]) -> Any:
    name = f"tmsg/{game}"
    return log.EvalLog(
        status="success",
        eval=log.EvalSpec(
            created=datetime.now(UTC).isoformat(),
            task=name,
            task_version=held[0][0].version,
            dataset=log.EvalDataset(name=name, samples=len(held)),
            model=f"tmsg/{player}",
            config=log.EvalConfig(epochs=1),
            packages={"tmsg-arena": str(begun.get("packages", {}).get("tmsg-arena", ""))},
            metadata={"agent": spec, "environment": begun},
        ),
        results=log.EvalResults(
            total_samples=len(held),
            completed_samples=len(held),
            scores=[
                _score(log, "return", [episode.returns[seat] for episode, seat in held]),
                _score(log, "success", [float(episode.successes[seat]) for episode, seat in held]),
            ],
        ),
        samples=[_sample(log, episode, seat) for episode, seat in held],
    )


def _score(log: Any, name: str, values: Sequence[float]) -> Any:
    metrics = {"mean": fmean(values)}
    if len(values) > 1:
        metrics["stderr"] = stdev(values) / math.sqrt(len(values))
    named = {key: log.EvalMetric(name=key, value=value) for key, value in metrics.items()}
    return log.EvalScore(name=name, scorer=name, scored_samples=len(values), metrics=named)


def _sample(log: Any, episode: Episode, seat: int) -> Any:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput
    from inspect_ai.scorer import Score

    steps = episode.steps_of(seat)
    messages: list[Any] = []
    for step in steps:
        messages += [
            ChatMessageUser(content=step.observation.text),
            ChatMessageAssistant(content=step.reply.text),
        ]
    return log.EvalSample(
        id=f"{episode.id} seat {seat}",
        epoch=1,
        input=steps[0].observation.text if steps else "",
        target="",
        messages=messages,
        output=ModelOutput.from_content(
            f"tmsg/{episode.players[seat]}", steps[-1].reply.text if steps else ""
        ),
        scores={
            "return": Score(value=episode.returns[seat]),
            "success": Score(value=float(episode.successes[seat]), explanation=str(episode.end)),
        },
        metadata={
            "seed": episode.seed,
            "seat": seat,
            "players": list(episode.players),
            "placement": episode.placements[seat],
            "rewards": [step.reward for step in steps],
            "invalid": [step.invalid for step in steps],
        },
        total_time=sum(step.seconds for step in steps),
    )


def _inspect() -> Any:
    try:
        from inspect_ai import log
    except ImportError as error:
        raise UsageError("Inspect's logs need inspect-ai; pip install 'tmsg-arena[inspect]'") from error
    return log
