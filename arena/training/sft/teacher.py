"""Who teaches: an agent, a DQN that is trained first, or a tournament's best episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from arena.match.episode import Episode
from arena.training.dqn.config import DqnConfig, dqn_preset
from arena.training.reporter import Reporter, Silence
from arena.training.run_folder import RunFolder
from arena.training.sft.config import SftConfig
from arena.training.sft.examples import (
    Example,
    as_examples,
    best_decisions,
    taught_decisions,
)
from arena_agents import Agent
from arena_agents.language.template import PromptTemplate
from arena_agents.registry import make_agent
from arena_games.base import GameSpec

TEACHER = "teacher"  # the folder of a DQN that was trained to teach


# The episodes of a game in a tournament's folder; None for a folder that holds no tournament.
Recorded = Callable[[Path, str], Iterable[Episode] | None]


def nothing_recorded(folder: Path, game: str) -> None:
    """For a caller that knows no tournaments: every folder is a policy's."""


def gather_examples(
    spec: GameSpec,
    template: PromptTemplate,
    config: SftConfig,
    run: RunFolder,
    reporter: Reporter,
    recorded: Recorded,
) -> list[Example]:
    """The examples of a run. Raises UsageError for an unknown teacher, and one that has none to give."""
    played = recorded(Path(config.teacher), spec.name)
    if played is not None:
        episodes = best_decisions(spec, played, config)
    else:
        episodes = taught_decisions(spec, make_teacher(config, run, reporter), config)
    return as_examples(spec, template, episodes, words=config.words)


def make_teacher(config: SftConfig, run: RunFolder, reporter: Reporter) -> Agent:
    """The agent that teaches; `dqn` is trained in the run's folder, or the rest of its training is done."""
    if config.teacher != "dqn":
        return make_agent(config.teacher)
    from arena.training.dqn.train import train_dqn

    path = run.path / TEACHER
    asked = {"game": config.game, "opponents": config.opponents, "seed": config.seed}
    settings = DqnConfig.model_validate({**dqn_preset(config.game), **asked})
    started = (path / "config.json").is_file()
    if not (path / "last").is_dir():
        reporter.note("training the dqn that is to teach, which takes a minute or two")
        run = RunFolder.open(path) if started else RunFolder.create(path, settings)
        run.mend()
        train_dqn(settings, run, Silence())
    return make_agent(str(path))
