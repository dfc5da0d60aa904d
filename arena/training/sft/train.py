"""Teaching by example, from top to bottom.

    ask the teacher what it would do, where a noisy player comes to     examples.py
    put prompt and reply into tokens, in the model's own chat template  tokens.py
    one optimiser step: the mean −log π(reply token) of some decisions  learner.py
    hand the policy to the engine, look at held-out episodes; step back if it collapsed

Behaviour cloning (Pomerleau 1988); that the states are a noisy player's and the labels the teacher's is
DART's idea (Laskey 2017) with noise of one kind: a policy that has seen only a teacher's own states does
not know what to do after its first mistake (Ross 2011).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from arena.machine.hardware import peak_memory
from arena.match.seeds import decision_seed
from arena.training.clock import Clock
from arena.training.distributed.team import SOLO, Team
from arena.training.language.training import LanguageTraining, Metrics
from arena.training.reporter import Reporter
from arena.training.run_folder import RunFolder
from arena.training.sft.config import SftConfig
from arena.training.sft.examples import Example, read_examples, write_examples
from arena.training.sft.learner import STATS, SftLearner
from arena.training.sft.teacher import Recorded, gather_examples, nothing_recorded
from arena.training.sft.tokens import Lessons, lessons
from arena_agents.language.template import PromptTemplate

EXAMPLES = "examples.jsonl"


def train_sft(
    config: SftConfig,
    run: RunFolder,
    reporter: Reporter,
    *,
    template: Path | None = None,
    team: Team = SOLO,
    recorded: Recorded = nothing_recorded,
) -> None:
    """Teach `config.agent` by examples in the run's folder, from its newest checkpoint if any.

    `recorded` reads a tournament that is to be the teacher.

    Raises UsageError for unknown games, agents or teachers and for unreadable checkpoints.
    """
    training = SftTraining(config, run, reporter, template, team, recorded=recorded)
    try:
        training.prepare()
        training.start()
        for step in range(training.step + 1, config.steps + 1):
            reporter.update(step, training.update(step))
            training.save()
    finally:
        training.close()
    reporter.note(f"best held-out return {training.guard.best:.3f} at step {training.guard.best_step}")


class SftTraining(LanguageTraining):
    """A run in progress: one update is one optimiser step on some of the examples."""

    config: SftConfig
    learner: SftLearner
    learner_kind = SftLearner
    lessons: Lessons
    taught_in: int  # episodes

    def __init__(self, *asked: Any, recorded: Recorded = nothing_recorded) -> None:
        self._recorded = recorded
        super().__init__(*asked)

    def before_loading(self, template: PromptTemplate) -> None:
        """Have the examples, which the first process gathers unless the run holds them already."""
        path, clock = self.run.path / EXAMPLES, Clock()

        def gather() -> None:
            if not path.is_file():
                asked = (self.spec, template, self.config, self.run, self.reporter, self._recorded)
                write_examples(path, gather_examples(*asked))

        with clock.phase("teacher"):
            self.team.by_first(gather)
        self.seconds += clock.total

    def prepare(self) -> None:
        """Turn the examples into what is learned."""
        self._learn_from(read_examples(self.run.path / EXAMPLES))

    def _learn_from(self, examples: list[Example]) -> None:
        self.lessons = lessons(examples, self.agent)
        self.taught_in = len({example.episode for example in examples})
        distinct, decisions = len(self.lessons.texts.prompts), len(self.lessons.of_decision)
        self.reporter.note(
            f"{decisions} decisions in {self.taught_in} episodes, {distinct} of them different; "
            f"{self.config.steps} steps are {self._passes(self.config.steps):.1f} passes over them"
        )

    def _passes(self, steps: int) -> float:
        return steps * self.config.batch_size / len(self.lessons.of_decision)

    def update(self, step: int) -> Metrics:
        """One optimiser step; returns the row that it logs."""
        clock, self.step = Clock(), step
        with clock.phase("update"):
            self.engine.sleep()
            learned = self.learn()
        with clock.phase("sync"):
            probe = self.sync_engine() if self.due(self.config.eval_every) else {}
        with clock.phase("eval"):
            held_out = self.look()
        self.seconds += clock.total
        row: Metrics = {
            "step": step,
            "episodes": round(self._passes(step) * self.taught_in),
            "seconds": round(self.seconds, 3),
            **held_out,
            **learned,
            **probe,
            "epoch": self._passes(step),
            "peak_memory": peak_memory(),
            "rollbacks": self.guard.rollbacks,
            **clock.row(),
        }
        self.run.log(row)
        return row

    def learn(self) -> Metrics:
        """One optimiser step on the next decisions in this pass's order."""
        stats = self.learner.update(self.lessons.texts, self._decisions(), self.rate)
        if stats is None:
            self.reporter.note(f"step {self.step}: update left out (not finite)")
            return dict.fromkeys(STATS)
        return {**stats}

    def _decisions(self) -> list[int]:
        """The examples (indices of `lessons.texts`, equal ones repeated) of this step.

        Every pass goes through all decisions once, in an order of its own; a step may end one and begin
        the next.
        """
        every, size = len(self.lessons.of_decision), self.config.batch_size
        places = range((self.step - 1) * size, self.step * size)
        orders = {number: self._order(number) for number in {place // every for place in places}}
        return [self.lessons.of_decision[orders[place // every][place % every]] for place in places]

    def _order(self, number: int) -> list[int]:
        seed = decision_seed(self.config.seed, number, 3) % 2**63
        generator = torch.Generator().manual_seed(seed)
        order: list[int] = torch.randperm(len(self.lessons.of_decision), generator=generator).tolist()
        return order
