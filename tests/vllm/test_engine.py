"""The vLLM engine draws what the transformers engine draws, and reports how likely it was."""

import math
import random

import pytest
import torch

from arena.training.config import MsgrpoConfig
from arena.training.language.learner import with_fresh_adapter
from arena_agents.base import Sampling
from arena_agents.causal_lm.forward import reply_logits
from arena_agents.causal_lm.load import load_model
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.engines.vllm import VllmEngine, start_llm
from arena_agents.language.agent import load_language_agent
from arena_agents.nano import MODEL_DIR
from arena_games.base import UsageError

GREEDY = Sampling(temperature=0, max_new_tokens=8)
CONFIG = MsgrpoConfig(game="frozen-lake", agent="nano", lora_rank=8)


@pytest.fixture(scope="module")
def prompts():
    """64 prompts of readable tokens and different lengths, with a beginning that they share."""
    tokenizer = load_language_agent("nano").tokenizer
    readable = [i for i in range(5, 500) if tokenizer.decode([i]).isascii()]
    rng = random.Random(0)
    head = rng.choices(readable, k=40)
    return [(*head, *rng.choices(readable, k=rng.randint(1, 90))) for _ in range(64)]


class Policy:
    """Nano with an adapter that can be moved and written: what a trainer holds."""

    def __init__(self):
        model, tokenizer = load_model(str(MODEL_DIR))
        self.model = with_fresh_adapter(model, CONFIG).eval()
        self.engine = TransformersEngine(self.model, tokenizer)

    @torch.no_grad()
    def move(self, by, seed):
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.model.named_parameters():
            if "lora" in name:
                parameter += by * torch.randn(parameter.shape, generator=generator)

    def write(self, folder):
        self.model.save_pretrained(folder)
        return folder


def agree(found, expected):
    """Equal tokens, and log-probabilities within 1e-4."""
    assert [s.token_ids for s in found] == [s.token_ids for s in expected]
    for a, b in zip(found, expected, strict=True):
        assert a.prompt_ids == b.prompt_ids
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)


def expected_logprob(logits_V, token, sampling):
    """Of a token under the tempered and cut distribution, by its definition."""
    ranked = sorted(range(len(logits_V)), key=lambda i: -logits_V[i])[: sampling.top_k or len(logits_V)]
    weights = [math.exp((logits_V[i] - logits_V[ranked[0]]) / sampling.temperature) for i in ranked]
    kept, before = {}, 0.0
    for i, weight in zip(ranked, weights, strict=True):
        if before < sampling.top_p * sum(weights):
            kept[i] = weight
        before += weight
    return math.log(kept[token] / sum(kept.values()))


def test_without_an_adapter_it_is_the_base_model(llm, prompts):
    base = load_language_agent("nano").engine
    agree(VllmEngine(llm).generate(prompts, GREEDY, range(64)), base.generate(prompts, GREEDY, range(64)))


def test_three_policies_one_after_the_other(llm, prompts, tmp_path):
    policy, engine = Policy(), VllmEngine(llm)
    seen = []
    for version in (1, 2, 3):
        policy.move(0.02, version)
        engine.load_policy(policy.write(tmp_path / str(version)), version)
        found = engine.generate(prompts, GREEDY, range(64))
        agree(found, policy.engine.generate(prompts, GREEDY, range(64)))
        assert {sample.policy_version for sample in found} == {version}
        seen.append([sample.logprobs for sample in found])
    assert seen[0] != seen[1] != seen[2]


def test_a_folder_that_was_written_again_is_read_again(llm, prompts, tmp_path):
    """After a step back: the path is the same, and nothing cached of its old policy may be used."""
    policy, engine = Policy(), VllmEngine(llm)
    for seed in (1, 2):
        policy.move(0.03, seed)
        engine.load_policy(policy.write(tmp_path / "same"), 7)
        agree(engine.generate(prompts, GREEDY, range(64)), policy.engine.generate(prompts, GREEDY, range(64)))


def test_two_engines_share_one_llm_and_keep_their_adapters_apart(llm, prompts, tmp_path):
    policies, engines = [Policy(), Policy()], [VllmEngine(llm, adapter_id=i) for i in (1, 2)]
    for i in (0, 1):
        policies[i].move(0.03, i)
        engines[i].load_policy(policies[i].write(tmp_path / str(i)), 1)
    for i in (0, 1, 0):
        expected = policies[i].engine.generate(prompts, GREEDY, range(64))
        agree(engines[i].generate(prompts, GREEDY, range(64)), expected)


def test_the_same_seeds_draw_the_same_whatever_the_batch(llm, prompts):
    """More prompts than vLLM reads at once, so that some wait for others."""
    engine, sampling = VllmEngine(llm), Sampling(max_new_tokens=8, stop=())
    many = prompts * 3
    first = engine.generate(many, sampling, range(len(many)))
    again = engine.generate(many, sampling, range(len(many)))
    agree(again, first)  # not to the last digit: what vLLM kept of the prompts is computed together otherwise
    alone = [engine.generate([many[i]], sampling, [i])[0] for i in range(0, len(many), 16)]
    assert [s.token_ids for s in alone] == [first[i].token_ids for i in range(0, len(many), 16)]
    others = engine.generate(many, sampling, range(1000, 1000 + len(many)))
    assert [s.token_ids for s in others] != [s.token_ids for s in first]
    large = engine.generate(prompts[:1], sampling, [2**63 - 1])
    assert large == engine.generate(prompts[:1], sampling, [2**63 - 1])


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_new_tokens=4, stop=()),
        Sampling(temperature=0.6, max_new_tokens=4, stop=()),
        Sampling(temperature=1.5, top_k=6, max_new_tokens=4, stop=()),
        Sampling(temperature=1.3, top_k=8, top_p=0.8, max_new_tokens=4, stop=()),
    ],
    ids=["plain", "cool", "top-k", "top-k and top-p"],
)
def test_log_probabilities_are_those_of_what_was_drawn_from(llm, prompts, tmp_path, sampling):
    policy, engine = Policy(), VllmEngine(llm)
    policy.move(0.05, 0)
    engine.load_policy(policy.write(tmp_path / "adapter"), 1)
    samples = engine.generate(prompts[:24], sampling, range(24))
    texts = [s.prompt_ids for s in samples], [s.token_ids for s in samples]
    logits_NKV = reply_logits(policy.model, *texts)[0].tolist()
    for sample, logits_KV in zip(samples, logits_NKV, strict=True):
        for k, (token, logprob) in enumerate(zip(sample.token_ids, sample.logprobs, strict=True)):
            assert logprob == pytest.approx(expected_logprob(logits_KV[k], token, sampling), abs=1e-4)
    assert len({s.token_ids for s in samples}) > 5


def test_draws_have_the_frequencies_of_the_distribution(llm, prompts):
    policy = Policy()
    sampling = Sampling(temperature=1.5, top_k=5, max_new_tokens=1, stop=())
    drawn = VllmEngine(llm).generate([prompts[0]] * 1500, sampling, range(1500))
    logits, _, _ = reply_logits(policy.model, prompts[:1], [(0,)])
    kept = logits[0, 0].topk(5)
    expected = dict(zip(kept.indices.tolist(), torch.softmax(kept.values / 1.5, -1).tolist(), strict=True))
    counts = dict.fromkeys(expected, 0)
    for sample in drawn:
        counts[sample.token_ids[0]] += 1
    for token, share in expected.items():
        assert counts[token] / 1500 == pytest.approx(
            share, abs=4 * (share * (1 - share) / 1500) ** 0.5 + 1e-9
        )


def test_a_reply_ends_with_the_stop_string_the_end_token_or_the_limit(llm):
    agent = load_language_agent("nano")
    engine, tokenizer = VllmEngine(llm), agent.tokenizer
    prompt = tuple(tokenizer.encode("You: head (3, 3) body none\n"))
    for sampling in (
        Sampling(temperature=0, max_new_tokens=40, stop=("</action>",)),
        Sampling(temperature=0, max_new_tokens=40, stop=("ction",)),
        Sampling(temperature=0, max_new_tokens=40, stop=()),
        Sampling(temperature=0, max_new_tokens=2, stop=()),
    ):
        found = engine.generate([prompt], sampling, [0])
        agree(found, agent.engine.generate([prompt], sampling, [0]))


def test_no_prompts_no_samples(llm):
    assert VllmEngine(llm).generate([], GREEDY, []) == []


def test_an_adapter_that_cannot_be_loaded_is_one_line(llm, tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot load the adapter") as caught:
        VllmEngine(llm).load_policy(tmp_path, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "options", "problem"),
    [
        ("/nowhere/at/all", {}, "vllm could not start"),
        (str(MODEL_DIR), {"lora_rank": 1000}, "up to rank 512"),
    ],
)
def test_a_start_that_fails_is_one_line_with_the_remedy(source, options, problem):
    with pytest.raises(UsageError, match=problem) as caught:
        start_llm(source, **options)
    assert "\n" not in str(caught.value)


def test_starting_left_the_process_as_it_was(llm):
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    assert torch.get_num_threads() == before + 1
    torch.set_num_threads(before)


@pytest.mark.parametrize("temperature", [0, 1.0, 2.0])
def test_it_chooses_among_whole_replies_as_the_transformers_engine_does(llm, prompts, tmp_path, temperature):
    """With an adapter that has been loaded, and choices of several lengths, some prompts asked twice."""
    policy, engine = Policy(), VllmEngine(llm)
    policy.move(0.05, 7)
    engine.load_policy(policy.write(tmp_path / "moved"), 3)
    asked = [*prompts[:20], *prompts[:10]]
    choices = [[(5, 6, 7), (5, 8), (9,)], [(6, 7), (6, 8)]] * 15
    sampling = Sampling(temperature=temperature, decode="choice")
    found = engine.choose(asked, choices, sampling, range(30))
    agree(found, policy.engine.choose(asked, choices, sampling, range(30)))
    assert {sample.policy_version for sample in found} == {3}
    assert [sample.choices for sample in found] == [tuple(replies) for replies in choices]
