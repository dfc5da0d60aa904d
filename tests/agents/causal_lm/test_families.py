"""Each causal family draws and learns what its own plain forward pass says, or is refused by name."""

import pytest
import torch

from arena_agents.base import Sampling
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.causal_lm.prove import prove, quiet, with_adapter
from arena_agents.causal_lm.trial import texts
from arena_agents.causal_lm.twin import VOCABULARY, WINDOW
from arena_agents.engines.transformers import TransformersEngine
from arena_games.base import UsageError
from tests.agents.causal_lm.families import FAMILIES, HEAD, PAGE, REPRESENTATIVE, UnbuiltError, row, small

NAMES = [pytest.param(name, marks=[] if name in REPRESENTATIVE else pytest.mark.slow) for name in FAMILIES]
# Within the models' windows, and beyond: all prompts begin alike, and one comes twice.
TEXTS = [texts(9, (2, 3, 5), VOCABULARY), texts(WINDOW + 6, (3, 8, 16), VOCABULARY)]
DRAWN = 4
TOLERANCE = 1e-4
# Attends to the keys of the highest scores alone: rounding may swap two.
ROUGHLY = {"deepseek_v32": 1e-2}


class Tokenizer:
    """No text, no end."""

    eos_token_id = None


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_family_draws_and_learns_what_its_plain_pass_says_or_is_refused(name, lora):
    try:
        model = small(name)
    except UnbuiltError as error:
        pytest.skip(str(error))
    with quiet():
        model = adapted(model) if lora else model
        family = prove(model)
        if not family.short_cuts.longest and not family.plain:
            with pytest.raises(UsageError, match=r"cannot read texts here: \w"):
                TransformersEngine(model, Tokenizer())
            return
        for tried in TEXTS:
            if max(map(len, tried.rows)) > family.short_cuts.longest and not family.plain:
                with pytest.raises(UsageError, match="cannot read texts of more than"):
                    read_replies(model, tried.prompts, tried.replies, family=family)
                continue
            for temperature in (0.0, 1.0):
                compare_drawn(model, tried, temperature, ROUGHLY.get(name, TOLERANCE))
            for recompute in (False, True):
                compare_read(model, tried, family, recompute)


def adapted(model):
    try:
        return with_adapter(model)
    except ValueError as error:
        pytest.skip(f"peft: {error}")


def plainly(model, prompt, reply):
    """Log-probabilities (K, V) at each token of one reply: one text, no padding, no cache."""
    logits = model(input_ids=torch.tensor([[*prompt, *reply[:-1]]]), use_cache=False).logits
    return torch.log_softmax(logits[0, len(prompt) - 1 :], dim=-1)


@torch.no_grad()
def compare_drawn(model, tried, temperature, near):
    engine = TransformersEngine(model, Tokenizer())
    sampling = Sampling(temperature, max_new_tokens=DRAWN, stop=())
    greedy = [greedily(model, prompt) for prompt in tried.prompts[:2]]
    for drafts in ((), greedy):  # drafts that are followed, at temperature 0
        samples = engine.generate(tried.prompts, sampling, range(len(tried.prompts)), drafts)
        for prompt, sample in zip(tried.prompts, samples, strict=True):
            plain_KV = plainly(model, prompt, sample.token_ids)
            ids = torch.tensor(sample.token_ids)
            assert sample.logprobs == pytest.approx(plain_KV.gather(1, ids[:, None])[:, 0].tolist(), abs=near)
            if temperature == 0:
                assert sample.logprobs == pytest.approx(plain_KV.max(-1).values.tolist(), abs=near)


def greedily(model, prompt):
    reply = []
    for _ in range(DRAWN):
        reply.append(int(plainly(model, prompt, [*reply, 0])[-1].argmax()))
    return tuple(reply)


def compare_read(model, tried, family, recompute):
    found_NK, _ = read_replies(model, tried.prompts, tried.replies, family=family, recompute=recompute)
    wanted_NK = torch.zeros_like(found_NK)
    for n, (prompt, reply) in enumerate(zip(tried.prompts, tried.replies, strict=True)):
        wanted_NK[n, : len(reply)] = plainly(model, prompt, reply)[range(len(reply)), reply]
    assert torch.allclose(found_NK, wanted_NK, atol=TOLERANCE)
    weights_NK = torch.rand(found_NK.shape, generator=torch.Generator().manual_seed(2)) - 0.5
    trained = [p for p in model.parameters() if p.requires_grad]
    found, wanted = (
        torch.autograd.grad((weights_NK * logprobs_NK).sum(), trained, allow_unused=True)
        for logprobs_NK in (found_NK, wanted_NK)
    )
    largest = max(float(g.abs().max()) for g in wanted if g is not None)
    assert largest > 1e-3
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, atol=TOLERANCE * max(1.0, largest))


def page():
    text = PAGE.read_text(encoding="utf-8")
    if not text.startswith(HEAD):
        pytest.skip("the page was written with another transformers, or is to be written again")
    return dict(zip(FAMILIES, text.removeprefix(HEAD).splitlines(), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_tells_how_a_family_is_read(name):
    assert page()[name] == row(name)
