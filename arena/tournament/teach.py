"""Training and teaching from Python, with what is stored: leagues' records, tournaments' best episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from arena.record.store import Store, recorded_episodes
from arena.training.league.place import Around
from arena.training.options import SftOptions
from arena.training.reporter import Show, silently
from arena.training.start import OnStep, start
from arena.training.start import train as train_around

P = ParamSpec("P")
STORED = Around(Store.open)


def _stored(call: Callable[P, Path]) -> Callable[P, Path]:
    @wraps(call)
    def made(*args: P.args, **kwargs: P.kwargs) -> Path:
        kwargs.setdefault("around", STORED)
        return call(*args, **kwargs)

    return made


train = _stored(train_around)


def sft(
    game: str | None = None,
    agent: str | None = None,
    teacher: str | None = None,
    *,
    episodes: int | None = None,
    noise: float | None = None,
    out: Path | str | None = None,
    seed: int | None = None,
    steps: int | None = None,
    opponents: str | None = None,
    engine: str | None = None,
    settings: Sequence[str] | Mapping[str, Any] = (),
    config_file: Path | None = None,
    resume: Path | str | None = None,
    template: Path | None = None,
    trust: bool = False,
    show: Show = silently,
    on_step: OnStep | None = None,
) -> Path:
    """Teach by example and return the run's folder; otherwise as `arena.train`.

    `teacher` is an agent's spec, `dqn`, a policy's folder, or that of a tournament: one with a `run.sqlite`
    in it, whose best episodes are then the examples.
    """
    options = SftOptions(
        game,
        agent,
        teacher=teacher,
        episodes=episodes,
        noise=noise,
        out=out,
        seed=seed,
        steps=steps,
        opponents=opponents,
        engine=engine,
        settings=settings,
        config_file=config_file,
        resume=resume,
        template=template,
        trust=trust,
    )
    return start(options, show=show, on_step=on_step, recorded=recorded_episodes)
