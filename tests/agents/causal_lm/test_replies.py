"""Reading replies in little memory gives the loss and the gradients of the plain pass."""

import random

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.autograd.graph import saved_tensors_hooks
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from arena_agents.causal_lm.decoder import has_plain_head
from arena_agents.causal_lm.forward import reply_logits, token_logprobs
from arena_agents.causal_lm.logprobs import read_replies
from arena_agents.causal_lm.prove import prove

SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "attn_implementation": "eager",
}
TREES = SMALL | {"attn_implementation": "sdpa"}
FAMILIES = {
    "qwen2 trees": lambda: Qwen2ForCausalLM(Qwen2Config(**TREES, tie_word_embeddings=True)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL, tie_word_embeddings=True)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SMALL, attention_dropout=0.5)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**SMALL, head_dim=8, final_logit_softcapping=2.0)),
}


def make_model(family, lora=False):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FAMILIES[family]()
        if lora:
            model = get_peft_model(
                model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
            )
    return model.eval()


def rows(shared, count=6):
    """Prompts of which every other one comes twice, and replies that often begin alike."""
    draw = random.Random(shared)
    head = [draw.randrange(2, 50) for _ in range(shared)]
    prompts = [head + [draw.randrange(2, 50) for _ in range(draw.randint(1, 9))] for _ in range(count)]
    replies = [[draw.randrange(2, 50) for _ in range(draw.randint(1, 5))] for _ in range(count)]
    twice = [[*reply[:2], draw.randrange(2, 50)] for reply in replies[::2]]
    return prompts + prompts[::2], replies + twice


def plainly(model, prompts, replies, temperature):
    """One sequence at a time, all logits, nothing shared."""
    logprobs = torch.zeros(len(replies), max(map(len, replies)))
    entropy = torch.zeros_like(logprobs)
    for n, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):
        logits = model(input_ids=torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 : -1]
        every = torch.log_softmax(logits / temperature, -1)
        logprobs[n, : len(reply)] = every[range(len(reply)), reply]
        entropy[n, : len(reply)] = torch.distributions.Categorical(logits=logits / temperature).entropy()
    return logprobs, entropy.detach()


def loss_and_gradients(model, logprobs):
    weights = torch.randn(logprobs.shape, generator=torch.Generator().manual_seed(1))
    trained = [p for p in model.parameters() if p.requires_grad]
    loss = (weights * logprobs).sum()
    return loss, torch.autograd.grad(loss, trained)


@pytest.mark.parametrize("shared", [0, 20])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("chunk_logits", [1, 170, 10**6])
@pytest.mark.parametrize(
    ("family", "lora"),
    [
        ("qwen2 trees", False),
        ("qwen2 trees", True),
        ("qwen2", False),
        ("qwen2", True),
        ("llama", False),
        ("gemma2", True),
    ],
)
def test_loss_and_gradients_are_those_of_the_plain_pass(family, lora, chunk_logits, recompute, shared):
    model, (prompts, replies) = make_model(family, lora), rows(shared)
    wanted, wanted_entropy = plainly(model, prompts, replies, 0.7)
    found, entropy = read_replies(
        model,
        prompts,
        replies,
        temperature=0.7,
        recompute=recompute,
        chunk_logits=chunk_logits,
        family=prove(model),
    )
    assert torch.allclose(found, wanted, atol=1e-5)
    assert torch.allclose(entropy, wanted_entropy, atol=1e-5)
    (loss, gradients), (expected, plain) = loss_and_gradients(model, found), loss_and_gradients(model, wanted)
    assert torch.allclose(loss, expected, atol=1e-5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(gradients, plain, strict=True))
    assert max(float(g.abs().max()) for g in plain) > 0.1


@pytest.mark.parametrize("own", [0, 1, 3])
def test_replies_that_begin_alike_after_the_same_prompt(own):
    """What the rows share then reaches into the replies, where log-probabilities are wanted."""
    model, prompt, begun = make_model("qwen2"), list(range(2, 20)), list(range(20, 32))
    replies = [[*begun, *[33 + n] * own, 40 + n] for n in range(3)]
    found, _ = read_replies(model, [prompt] * 3, replies)
    wanted, _ = plainly(model, [prompt] * 3, replies, 1.0)
    assert torch.allclose(found, wanted, atol=1e-5)
    logits, ids, _ = reply_logits(model, [prompt] * 3, replies)
    assert torch.allclose(token_logprobs(logits, ids), wanted, atol=1e-5)


def test_which_families_change_their_logits_afterwards():
    assert {family: has_plain_head(make_model(family)) for family in FAMILIES} == {
        "qwen2 trees": True,
        "qwen2": True,
        "llama": True,
        "gemma2": False,
    }


def kept_for_gradient(model, prompts, replies, **options):
    """What autograd keeps until the backward pass, weights left out: one tensor a storage."""
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        read_replies(model, prompts, replies, **options)
    return [tensor for address, tensor in kept.items() if address not in weights]


def test_recomputing_keeps_little_of_each_layer():
    model, (prompts, replies) = make_model("qwen2"), rows(20)
    everything, little = (
        sum(
            tensor.untyped_storage().nbytes()
            for tensor in kept_for_gradient(model, prompts, replies, **options)
        )
        for options in ({}, {"recompute": True})
    )
    assert little < everything / 5


def test_no_more_logits_than_a_chunk_are_ever_held():
    model, (prompts, replies) = make_model("qwen2"), rows(0, count=40)
    computed = []
    model.lm_head.register_forward_hook(lambda _module, _inputs, logits: computed.append(len(logits)))
    kept = kept_for_gradient(model, prompts, replies, chunk_logits=10 * SMALL["vocab_size"])
    assert not [tensor for tensor in kept if tensor.shape[-1:] == (SMALL["vocab_size"],)]
    assert max(computed) == 10
    assert sum(computed) == sum(map(len, replies))  # and none for a prompt's tokens


def test_layers_are_left_as_they_were():
    model, (prompts, replies) = make_model("qwen2"), rows(0)
    read_replies(model, prompts, replies, recompute=True)
    assert not any("forward" in vars(module) for module in model.modules())


def test_float32_adapters_on_a_bfloat16_model_are_trained_in_float32():
    model = make_model("qwen2").bfloat16()
    model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    logprobs, _ = read_replies(model, *rows(20), recompute=True)
    assert logprobs.dtype == torch.float32
    _, gradients = loss_and_gradients(model, logprobs)
    assert {g.dtype for g in gradients} == {torch.float32}
