"""Syncing an engine of its own weights to each new policy, and proving that it is the one sampled.

The silent failure of such engines is to go on sampling an old policy. So after every sync the
engine samples a few fixed prompts, and the trainer computes the log-probabilities of those very
tokens under the new policy and under the last one that was proven to be sampled:

    error   mean |engine − new|, nats a token: at most the precision's tolerance
    slope   of (engine − proven) on (new − proven): 1 if the new policy is sampled, 0 if the proven one

The slope tells the two apart where the error cannot, as in bfloat16, where kernels differ by more
than a small update moves the policy. Rounding pulls it towards ½ from either side alike; what
stays within five standard errors of ½ decides nothing, and the next policy is compared with the
same proven one, from which it is further away.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from shlex import quote

import torch

from arena.training.language.learner import PolicyLearner
from arena.training.language.probe import Probe, compare, drawn_logprobs, on_tokens, probe_prompts
from arena.training.language.sequences import Sequences
from arena_agents.engines.base import Engine, each_of
from arena_agents.language.agent import LanguageAgent
from arena_games.base import GameSpec, UsageError

TOKENS = 32  # of a reply, at most
# Nats a token. Of float32 a rounding error is some 1e-6; bfloat16 keeps 8 bits, and an engine's
# layers round in another order than the trainer's.
TOLERANCE = {torch.float32: 1e-3}
COARSE_TOLERANCE = 0.05

Metrics = dict[str, float | int | None]
UNPROBED: Metrics = {"probe_error": None, "probe_slope": None}


class PolicySync:
    """Keeps the engine at the learner's policy. With an engine that shares the model it only counts."""

    def __init__(self, agent: LanguageAgent, learner: PolicyLearner, spec: GameSpec, run: Path) -> None:
        self.engine: Engine = agent.engine
        self.learner, self.run = learner, run
        if self.engine.shares_model:
            return
        self.prompts = probe_prompts(agent, spec, learner.config.opponents)
        # Drawn token by token in any case: more is seen of a policy so than of what it draws whole.
        self.sampling = replace(
            agent.sampling,
            decode="free",
            temperature=learner.config.token_temperature,
            max_new_tokens=min(TOKENS, agent.sampling.max_new_tokens),
        )
        # What an engine samples that was given none.
        self.proven, self.proven_version = learner.without_adapter(), 0

    def push(self, version: int) -> Metrics:
        """Give the engine the learner's policy and prove that it samples it.

        Raises UsageError if it does not, before anything is rolled out with it.
        """
        if self.engine.shares_model:
            self.engine.policy_version = version
            return UNPROBED
        self._sync(version)
        probes = self._probes(version)
        for probe, sampler in zip(probes, cycle(self._samplers()), strict=False):
            self._judge(probe, version, sampler)
        if all(probe.proves_new for probe in probes):
            self.proven, self.proven_version = self.learner.trained.copy(), version
        worst = max(probes, key=lambda probe: probe.error)
        return {"probe_error": worst.error, "probe_slope": worst.slope}

    def _synced(self) -> Path:
        """A folder for this process alone: engines of others read their own."""
        return self.run / "engine" / f"process-{self.learner.team.rank}"

    def _sync(self, version: int) -> None:
        adapter = self._synced() / f"adapter-{version:06d}"
        shutil.rmtree(adapter, ignore_errors=True)
        adapter.mkdir(parents=True)
        self.learner.save(adapter, self.learner.trained.whole())
        self.engine.load_policy(adapter, version)
        for old in adapter.parent.glob("adapter-*"):
            if old != adapter:
                shutil.rmtree(old)

    def close(self) -> None:
        """Delete what was synced: the run's policies are elsewhere."""
        shutil.rmtree(self._synced(), ignore_errors=True)
        with suppress(OSError):  # another process's may still be there, or there is none
            self._synced().parent.rmdir()

    def _probes(self, version: int) -> list[Probe]:
        """One for each engine of each process of the team, in that order. All processes see the same."""
        seeds = range(len(self.prompts))
        drawn = [one.generate(self.prompts, self.sampling, seeds) for one in each_of(self.engine)]
        everyones = [samples for of_one in self.learner.team.gather(drawn) for samples in of_one]
        samples = [sample for samples in everyones for sample in samples]
        stale = {sample.policy_version for sample in samples} - {version}
        if stale:
            raise UsageError(f"the engine samples policy {min(stale)}, not {version}; {self._remedy()}")
        texts = Sequences(tuple(s.prompt_ids for s in samples), tuple(s.token_ids for s in samples))
        new_UK = self.learner.logprobs(texts)
        with self.learner.trained.holding(self.proven):
            proven_UK = self.learner.logprobs(texts)
        sizes = [len(samples) for samples in everyones]
        parts = (torch.split(table_UK, sizes) for table_UK in (new_UK, proven_UK))
        return [
            compare(drawn_logprobs(samples), on_tokens(new_PK, samples), on_tokens(proven_PK, samples))
            for samples, new_PK, proven_PK in zip(everyones, *parts, strict=True)
        ]

    def _samplers(self) -> list[str]:
        """What messages call the engines."""
        engines = each_of(self.engine)
        return ["the engine"] if len(engines) == 1 else [getattr(one, "name", "an engine") for one in engines]

    def _judge(self, probe: Probe, version: int, sampler: str) -> None:
        if probe.proves_old:
            raise UsageError(
                f"{sampler} still samples policy {self.proven_version}, not {version} (probe slope "
                f"{probe.slope:.2f} ± {probe.slope_error:.2f}, 1 if it did); {self._remedy()}"
            )
        if not probe.error <= self._tolerance():
            raise UsageError(
                f"{sampler} does not sample policy {version}: it is {probe.error:.2g} nats a token from "
                f"the trainer's log-probabilities, {self._tolerance():g} allowed; {self._remedy()}"
            )

    def _tolerance(self) -> float:
        given = self.learner.config.probe_tolerance
        precision = next(self.learner.model.parameters()).dtype
        return given if given is not None else TOLERANCE.get(precision, COARSE_TOLERANCE)

    def _remedy(self) -> str:
        return f"go on with arena train --resume {quote(str(self.run))} --engine transformers"
