"""One cell of a study as a process of its own: trained, then played on the test episodes.

    python -m arena.study.worker OUT/cells/KEY

What there is to do stands in `cell.json`; what is done already is not done again, so a killed worker is
simply started anew. It ends with the process that started it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from arena.machine.files import write_text
from arena.machine.parent import end_with_parent
from arena.study.config import BASE, Evaluation
from arena.study.outcomes import Asked, play_outcomes
from arena.study.plan import Cell, decodings
from arena.training.options import TrainOptions
from arena.training.resume import OF_THE_MACHINE
from arena_agents import Agent
from arena_agents.files import read_text
from arena_agents.registry import make_agent
from arena_games.registry import find_game

JOB = "cell.json"
RUN = "run"  # the training's folder in the cell's


class Job(BaseModel):
    """What a worker is told: the cell, and how its policies are evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    agent: str
    plays: tuple[str, ...]
    config: dict[str, Any] | None
    evaluation: Evaluation

    @classmethod
    def of(cls, cell: Cell, evaluation: Evaluation) -> Job:
        """The job that a cell is."""
        config = None if cell.config is None else dict(cell.config)
        return cls(key=cell.key, agent=cell.agent, plays=cell.plays, config=config, evaluation=evaluation)

    def asked(self) -> Iterator[Asked]:
        """What each policy plays, as if it could choose how its replies are drawn.

        The last policy of a training plays the game that it was trained on, the best one all.
        """
        look = self.evaluation
        for policy in look.policies if self.config else (BASE,):
            own = [game for game in self.plays if self.config and game == self.config["game"]]
            for game in own if policy == "last" else self.plays:
                for decoding in decodings(look, untrained=self.config is None):
                    yield Asked(policy, find_game(game), look.episodes, look.seed, decoding)


def trained(folder: Path) -> bool:
    """Whether the cell's training has gone to its end."""
    return (folder / RUN / "last").is_dir()


def evaluated(folder: Path, job: Job) -> bool:
    """Whether every policy has played all of its test episodes."""
    return all(asked.done(folder) for asked in job.asked())


def finished(folder: Path, job: Job) -> bool:
    """Whether nothing is left to do of the cell."""
    return (job.config is None or trained(folder)) and evaluated(folder, job)


def write_job(folder: Path, job: Job) -> None:
    """Say what is to be done in the cell's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / JOB, job.model_dump_json(indent=2) + "\n")


def work(folder: Path) -> None:
    """Do what is left to do of the cell in `folder`. Raises UsageError as training and evaluating do."""
    job = Job.model_validate_json(read_text(folder / JOB))
    if job.config is not None and not trained(folder):
        _train(folder / RUN, job.config)
    agent, whose = None, ""
    for asked in job.asked():
        if not asked.done(folder):
            if agent is None or whose != asked.policy:  # one model at a time
                agent, whose = _agent(folder, job, asked.policy), asked.policy
            play_outcomes(agent, asked, folder)


def _train(run: Path, config: dict[str, Any]) -> None:
    from arena.training.start import start

    settings = {k: v for k, v in config.items() if k not in ("version", "algorithm", *OF_THE_MACHINE)}
    begun = (run / "config.json").is_file()  # perhaps by somebody else, and not as the study asks
    resume, out = (run, None) if begun else (None, run)
    start(TrainOptions(settings=settings, resume=resume, out=out))


def _agent(folder: Path, job: Job, policy: str) -> Agent:
    return make_agent(job.agent if job.config is None else str(folder / RUN / policy))


def main(folder: Path) -> int:
    """Work in `folder`; what goes wrong is the last line that is said. Returns the exit status."""
    try:
        work(folder)
    except Exception as error:  # training runs games and agents of others
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(Path(sys.argv[1])))
