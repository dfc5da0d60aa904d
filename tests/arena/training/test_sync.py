"""The engine that samples is proven to sample the newest policy.

The engines here are real ones with weights of their own: a second copy of nano that reads each
adapter from the files that the trainer wrote. The planted ones fail as engines do, silently.
"""

import json
import random
import re

import pytest
import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file

from arena.training.language.guard import Guard
from arena.training.language.learner import with_fresh_adapter
from arena.training.language.probe import PROMPTS
from arena.training.language.sequences import Sequences
from arena.training.language.sync import PolicySync
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.training import MsgrpoTraining
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config
from arena.training.start import train
from arena_agents.base import Sampling, TokenSample
from arena_agents.causal_lm.load import load_model
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.agent import LanguageAgent
from arena_agents.language.template import load_template
from arena_agents.presets import model_source
from arena_games.base import UsageError
from arena_games.registry import find_game

SMALL = [
    *("lora_rank=4", "learning_rate=0.003", "warmup=0", "groups=2", "group_size=8", "keep=1.0"),
    *("eval_episodes=2", "eval_every=9", "checkpoint_every=1"),
]


class CopyEngine(TransformersEngine):
    """A model of its own, which knows of the trainer only what lies in the adapter's folder."""

    shares_model = False

    def __init__(self, config):
        model, tokenizer = load_model(model_source("nano"))
        super().__init__(with_fresh_adapter(model, config), tokenizer)
        self.asked = []  # prompts since each swap
        self.seen = []  # what lay in the folder at each swap

    def load_policy(self, adapter, version):
        self.swap(load_file(adapter / "adapter_model.safetensors"), version)
        self.policy_version = version
        self.asked.append(0)
        self.seen.append(sorted(path.name for path in adapter.parent.iterdir()))

    def swap(self, weights, version):
        set_peft_model_state_dict(self.model, weights)

    def generate(self, prompts, sampling, seeds, drafts=()):
        self.asked[-1] += len(prompts)
        return super().generate(prompts, sampling, seeds, drafts)


class NeverSwaps(CopyEngine):
    def swap(self, weights, version):
        pass


class MissesTheSecond(CopyEngine):
    def swap(self, weights, version):
        if version != 2:
            super().swap(weights, version)


class SpoilsTheSecond(CopyEngine):
    """Takes every adapter, and spoils the second."""

    def swap(self, weights, version):
        generator = torch.Generator().manual_seed(0)
        noise = 0.1 if version == 2 else 0.0
        super().swap(
            {n: w + noise * torch.randn(w.shape, generator=generator) for n, w in weights.items()}, 0
        )


class KeepsTheVersion(CopyEngine):
    def load_policy(self, adapter, version):
        super().load_policy(adapter, min(version, 1))


class OtherKernels(CopyEngine):
    """Its log-probabilities are off by as much as those of bfloat16."""

    def generate(self, prompts, sampling, seeds, drafts=()):
        draw = random.Random(0)
        return [
            TokenSample(
                s.prompt_ids,
                s.token_ids,
                tuple(lp + draw.gauss(0, 0.02) for lp in s.logprobs),
                s.policy_version,
            )
            for s in super().generate(prompts, sampling, seeds, drafts)
        ]


class OtherKernelsNeverSwaps(OtherKernels, NeverSwaps):
    pass


class TwoServers:
    """Two engines of one policy, of which the second misses a policy."""

    shares_model, policy_version = False, 0

    def __init__(self, config):
        self.engines = (CopyEngine(config), MissesTheSecond(config))
        self.engines[0].name, self.engines[1].name = "the server at a", "the server at b"

    def load_policy(self, adapter, version):
        for engine in self.engines:
            engine.load_policy(adapter, version)


class Silent:
    def update(self, step, row):
        pass

    def note(self, text):
        pass


@pytest.fixture
def train_with(monkeypatch, tmp_path):
    """Trains three updates with an engine of the given class; returns folder, engine and complaint."""

    def run(kind):
        made = []

        def engine(learner, *_):
            made.append(kind(learner.config))
            return made[-1]

        monkeypatch.setattr("arena.training.language.training.training_engine", engine)
        folder, said = tmp_path / kind.__name__, None
        try:
            train(game="frozen-lake", agent="nano", out=folder, steps=3, settings=SMALL)
        except UsageError as error:
            said = str(error)
        monkeypatch.undo()
        return folder, made[0], said

    return run


@pytest.fixture
def in_step(msgrpo_config, tmp_path):
    """A learner, what moves its policy, and the sync with an engine of the given class."""

    def make(kind, **settings):
        config = msgrpo_config(lora_rank=4, **settings)
        model, tokenizer = load_model(model_source("nano"))
        learner, engine = Learner(model, config, 0), kind(config)
        agent = LanguageAgent(engine, tokenizer, load_template(), Sampling(max_new_tokens=4))
        generator = torch.Generator().manual_seed(0)

        def move(by):
            with torch.no_grad():
                for parameter in learner.trained.parameters.values():
                    parameter += by * torch.randn(parameter.shape, generator=generator)

        return PolicySync(agent, learner, find_game("frozen-lake"), tmp_path / "run"), move

    return make


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_an_engine_that_follows_is_proven_each_time(train_with):
    folder, engine, said = train_with(CopyEngine)
    assert said is None
    learned = [row for row in rows(folder)[1:] if row["kl"] is not None]
    assert len(learned) >= 2
    for row in learned:
        assert row["probe_error"] < 1e-5
        assert row["probe_slope"] == pytest.approx(1.0, abs=0.01)
        assert row["engine_mismatch"] < 1e-5
    assert len(engine.asked) == 4
    assert engine.seen[-1] == [
        "adapter-000002",
        "adapter-000003",
    ]  # the old one goes once the new one is loaded
    assert not (folder / "engine").exists()


def test_a_stale_engine_is_stopped_before_it_plays_and_the_remedy_works(train_with):
    folder, engine, said = train_with(MissesTheSecond)
    assert re.search("still samples policy [01], not 2", said)
    assert f"--resume {folder} --engine transformers" in said
    assert engine.asked[2:] == [PROMPTS]  # the probe, and no episode
    assert [row["step"] for row in rows(folder)] == [0, 1]
    train(game=None, agent=None, resume=folder, engine="transformers")
    after = rows(folder)
    assert [row["step"] for row in after] == [0, 1, 2, 3]
    assert after[1]["probe_error"] is not None
    assert after[2]["probe_error"] is None  # an engine that shares the model needs no proof


@pytest.mark.parametrize(
    ("kind", "at", "problem"),
    [
        (NeverSwaps, 1, "still samples policy 0, not 1"),
        (MissesTheSecond, 2, "still samples policy 1, not 2"),
        (SpoilsTheSecond, 2, "not"),
        (KeepsTheVersion, 2, "samples policy 1, not 2"),
    ],
)
def test_planted_engines_are_found_at_the_first_stale_policy(in_step, kind, at, problem):
    sync, move = in_step(kind)
    for version in range(at):
        sync.push(version)
        move(0.003)
    with pytest.raises(UsageError, match=problem) as caught:
        sync.push(at)
    assert "\n" not in str(caught.value)


def test_of_several_servers_each_is_probed_and_the_stale_one_is_named(in_step):
    sync, move = in_step(TwoServers)
    for version in (0, 1):
        sync.push(version)
        move(0.003)
    with pytest.raises(UsageError, match="the server at b still samples policy 1, not 2"):
        sync.push(2)
    assert [engine.asked for engine in sync.engine.engines] == [[len(sync.prompts)] * 3] * 2


def test_stepping_back_is_proven_as_well(in_step):
    sync, move = in_step(CopyEngine)
    best = sync.learner.trained.snapshot()
    sync.push(0)
    move(0.003)
    sync.push(1)
    sync.learner.trained.restore(best)
    assert sync.push(1)["probe_slope"] == pytest.approx(1.0, abs=0.01)


def test_the_trainer_syncs_what_it_stepped_back_to(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "arena.training.language.training.training_engine", lambda learner, *_: CopyEngine(learner.config)
    )
    given = {"game": "frozen-lake", "agent": "nano", "steps": 1}
    config = new_config(given, [*SMALL, "eval_every=1", "eval_episodes=8"], None)
    training = MsgrpoTraining(config, RunFolder.create(tmp_path / "run", config), Silent(), None)
    training.start()
    training.guard = Guard(base=0.0, best=9.0, best_step=0, drop=0.5, best_returns=[9.0] * 8)
    assert training.update(1)["rollbacks"] == 1
    assert len(training.engine.asked) == 3  # at the start, after the update, after the step back
    assert training.engine.asked[-1] == PROMPTS
    texts = Sequences(tuple(training.sync.prompts[:4]), ((5, 6), (7, 8), (9, 10), (11, 12)))
    trainer, engine = training.learner.model, training.engine.model
    found, expected = (read_replies(m, texts.prompts, texts.replies)[0] for m in (engine, trainer))
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_slope_tells_what_the_error_cannot(in_step):
    """Kernels that differ by 0.016 nats need a tolerance that lets the stale policy's 0.027 pass."""
    sync, move = in_step(OtherKernels, probe_tolerance=0.05)
    sync.push(0)
    move(0.01)
    found = sync.push(1)
    assert found["probe_error"] == pytest.approx(0.016, abs=0.004)
    assert found["probe_slope"] == pytest.approx(1.0, abs=0.2)
    sync, move = in_step(OtherKernelsNeverSwaps, probe_tolerance=0.05)
    sync.push(0)
    move(0.01)
    with pytest.raises(UsageError, match="still samples policy 0, not 1"):
        sync.push(1)


def test_undecided_policies_are_compared_with_the_last_proven_one(in_step):
    """A swap too small to see is not taken for proof; what has added up since is seen."""
    sync, move = in_step(OtherKernelsNeverSwaps, probe_tolerance=0.05)
    sync.push(0)
    move(0.001)
    assert sync.push(1)["probe_slope"] is not None
    assert sync.proven_version == 0
    move(0.01)
    with pytest.raises(UsageError, match="still samples policy 0, not 2"):
        sync.push(2)
