"""Twenty updates through vLLM with adapters swapped in place, and engines that pretend to swap."""

import json
from itertools import pairwise

import pytest

from arena.training.language.probe import probe_prompts
from arena.training.msgrpo.training import MsgrpoTraining
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config
from arena.training.start import train
from arena_agents.base import Sampling
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.engines.vllm import VllmEngine
from arena_agents.registry import make_agent
from arena_games.base import Observation, UsageError
from arena_games.registry import find_game

STEPS = 20
COMPARED = (18, 19, 20)
SETTINGS = [
    *("lora_rank=8", "learning_rate=0.0005", "groups=3", "group_size=8", "engine=vllm"),
    *("eval_episodes=4", "eval_every=20", "checkpoint_every=20"),
]
GREEDY = Sampling(temperature=0, max_new_tokens=8)


class Silent:
    def update(self, step, row):
        pass

    def note(self, text):
        pass


@pytest.fixture(scope="module")
def one_llm(llm):
    """The program's own way to its engines, but that all of them share one vLLM and leave it running."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arena_agents.engines.vllm.start_llm", lambda *source, **options: llm)
        patch.setattr(VllmEngine, "close", lambda engine: None)
        yield llm


@pytest.fixture(scope="module")
def trained(one_llm, tmp_path_factory):
    """A run of twenty updates; what both engines draw for 64 prompts after each of the last three."""
    config = new_config({"game": "frozen-lake", "agent": "nano", "steps": STEPS}, SETTINGS, None)
    run = RunFolder.create(tmp_path_factory.mktemp("trained") / "run", config)
    training = MsgrpoTraining(config, run, Silent(), None)
    assert isinstance(training.engine, VllmEngine)
    prompts = probe_prompts(training.agent, training.spec, "house")
    plain = TransformersEngine(training.learner.model, training.agent.tokenizer)
    drawn = {}
    training.start()
    for step in range(1, STEPS + 1):
        training.update(step)
        if step in COMPARED:
            drawn[step] = [e.generate(prompts, GREEDY, range(64)) for e in (training.engine, plain)]
    training.save()
    return run.path, drawn


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_three_successive_policies_are_those_of_the_trainer(trained):
    _, drawn = trained
    seen = []
    for step, (found, expected) in drawn.items():
        assert len({s.prompt_ids for s in found}) == 64
        assert [s.token_ids for s in found] == [s.token_ids for s in expected]
        for a, b in zip(found, expected, strict=True):
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)
        assert {s.policy_version for s in found} == {step}
        seen.append([s.logprobs for s in found])
    for before, after in pairwise(seen):
        assert max(abs(sum(s) - sum(t)) for s, t in zip(before, after, strict=True)) > 1e-3


def test_the_probe_passes_after_every_update(trained):
    run, _ = trained
    updates = rows(run)[1:]
    assert len(updates) == STEPS
    assert all(row["probe_error"] < 1e-4 for row in updates)
    moved = [row for row in updates if row["kl"] is not None]
    assert len(moved) >= 15
    assert all(row["probe_slope"] == pytest.approx(1.0, abs=0.05) for row in moved)
    assert all(row["engine_mismatch"] < 1e-4 for row in moved)


def test_the_trained_adapter_plays_with_either_engine(trained):
    run, _ = trained
    with_vllm, plain = (make_agent(str(run / "last"), engine=name) for name in ("vllm", "transformers"))
    assert isinstance(with_vllm.engine, VllmEngine)
    seen = [start(seed) for seed in range(16)]
    for agent in (with_vllm, plain):
        agent.sampling = GREEDY
    replies = [[reply.text for reply in agent.act(seen)] for agent in (with_vllm, plain)]
    assert replies[0] == replies[1]
    assert len(set(replies[0])) > 1


def start(seed):
    spec = find_game("frozen-lake")
    env = spec.make_env()
    env.reset(seed=seed)
    text, names = env.observe("seat_0")["text"], spec.action_names
    return Observation(spec.name, 0, 0, text, (0, 1, 2, 3), seed=seed, action_names=names, spec=spec)


class NeverSwaps(VllmEngine):
    """Says that it samples the new policy."""

    def load_policy(self, adapter, version):
        self.policy_version = version


class MissesTheSecond(VllmEngine):
    def load_policy(self, adapter, version):
        if version == 2:
            self.policy_version = version
        else:
            super().load_policy(adapter, version)


@pytest.mark.parametrize(
    ("kind", "said"), [(NeverSwaps, "policy 0, not 1"), (MissesTheSecond, "policy 1, not 2")]
)
def test_an_engine_that_ignores_the_swap_is_stopped(one_llm, monkeypatch, tmp_path, kind, said):
    engine = kind(one_llm)
    monkeypatch.setattr("arena.training.language.training.training_engine", lambda *_: engine)
    with pytest.raises(UsageError, match=f"still samples {said}"):
        train(game="frozen-lake", agent="nano", out=tmp_path / "run", steps=4, settings=SETTINGS)
    assert [row["step"] for row in rows(tmp_path / "run")] == list(range(engine.policy_version))


def test_whole_weights_cannot_be_synced(tmp_path):
    settings = [*SETTINGS, "lora_rank=0"]
    with pytest.raises(UsageError, match="--set lora_rank=16"):
        train(game="frozen-lake", agent="nano", out=tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_it_trains_on_replies_that_were_drawn_whole(one_llm, tmp_path):
    settings = [*SETTINGS, "decode=choice", "temperature=1.5"]
    run = train(game="frozen-lake", agent="nano", out=tmp_path / "run", steps=3, settings=settings)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert any(row["kept_episodes"] for row in rows[1:])
    for row in rows[1:]:
        assert row["invalid_rate"] == 0
        assert not row["kept_episodes"] or row["engine_mismatch"] < 1e-3
        assert row["probe_error"] < 1e-3
