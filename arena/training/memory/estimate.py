"""How much memory a training run will need, known before anything is loaded.

Arithmetic on a model's shape and the run's config. The bytes that a layer keeps for the gradient
were counted on Qwen2 layers; other decoders with gated feed-forward layers come close.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arena.training.config import LanguageConfig

FLOAT_BYTES = {"float32": 4, "bfloat16": 2}
BIG = 1_000_000_000  # parameters from which `auto` recomputes layers
SHORT_PROMPT, LONG_PROMPT = 96, 1024  # tokens of our games' prompts lie between
CHUNK_LOGITS = 2**26  # the learner's, see `arena_agents.causal_lm.logprobs`
CUDA_CONTEXT = 700 * 2**20
CPU_ENGINE_CACHE = 2**30  # keys and values of vLLM on a CPU
# What vLLM keeps on a GPU while it sleeps: captured graphs, kernels and their workspace, room for adapters.
# Its makers speak of one to three GiB; here it was not measured.
ASLEEP = 2 * 2**30
# What passing tensors take in truth: torch keeps blocks on a GPU, the C library many more on a CPU.
SLACK = {"cuda": 1.15, "cpu": 2.0}
GIB = 2**30

# Bytes a token that a layer keeps for the gradient, by (adapter, bytes of a weight): for each unit
# of feed-forward width, of hidden and attention width (their mean), of key and value width.
_KEPT = {(False, 4): (16, 32, 8), (True, 4): (16, 24, 8), (False, 2): (8, 20, 4), (True, 2): (10, 36, 4)}


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What decides a causal language model's memory.

    `outside` counts the parameters outside the layers, embeddings above all. `adapter_width` is the sum
    of inputs and outputs over all linear layers but the last: an adapter of rank r has r times as many
    parameters. `attention` and `keys` are heads times head size.
    """

    parameters: int
    outside: int
    adapter_width: int
    layers: int
    hidden: int
    attention: int
    keys: int
    feed_forward: int
    vocabulary: int


QWEN_3B = ModelShape(3_085_938_688, 311_166_976, 1_870_848, 36, 2048, 2048, 256, 11_008, 151_936)


def model_shape(model_config: Any) -> ModelShape:
    """The shape of the model that a transformers config describes; no memory is taken for it."""
    import torch
    from transformers import AutoModelForCausalLM

    from arena_agents.causal_lm.decoder import decoder_layers

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(model_config, trust_remote_code=False)
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    head = model.get_output_embeddings()
    text = model_config.get_text_config()
    head_size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    key_heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    whole, inside = (
        sum(p.numel() for module in modules for p in module.parameters())
        for modules in ([model], decoder_layers(model))
    )
    return ModelShape(
        parameters=whole,
        outside=whole - inside,
        adapter_width=sum(m.in_features + m.out_features for m in linear if m is not head),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        attention=head_size * text.num_attention_heads,
        keys=head_size * key_heads,
        feed_forward=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        vocabulary=text.vocab_size,
    )


def weights_dtype(config: LanguageConfig, device: str) -> str:
    """In what the model's weights are held: `auto` is bfloat16 on a GPU where they are not trained."""
    if config.dtype != "auto":
        return config.dtype
    return "bfloat16" if device == "cuda" and config.lora_rank > 0 else "float32"


def recomputes(config: LanguageConfig, parameters: int) -> bool:
    """Whether layers are computed again for the gradient: `auto` does it for large models."""
    if config.gradient_checkpointing != "auto":
        return config.gradient_checkpointing == "on"
    return parameters > BIG


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by part: `held` all the time, and for a while by an `update` or a `rollout`.

    `ram` is what lies in CPU memory while the model is on a GPU; empty where all is one memory.
    """

    device: str
    held: Mapping[str, int]
    update: Mapping[str, int]
    rollout: Mapping[str, int]
    ram: Mapping[str, int]

    @property
    def peak(self) -> int:
        """The most that the model's device holds at a time. An engine keeps within its share."""
        slack, engine = SLACK[self.device], self.rollout.get("engine", 0)
        rollout = engine + slack * (sum(self.rollout.values()) - engine)
        return sum(self.held.values()) + int(max(slack * sum(self.update.values()), rollout))

    @property
    def ram_peak(self) -> int:
        return sum(self.ram.values())

    def parts(self) -> dict[str, int]:
        """Every part by name, the larger of update and rollout last."""
        passing = max(self.update, self.rollout, key=lambda part: sum(part.values()))
        return {**self.held, **passing}


def estimate(
    shape: ModelShape,
    config: LanguageConfig,
    *,
    device: str,
    engine: int | None = None,
    shards: int = 1,
    here: int = 1,
) -> Estimate:
    """What training needs on `device`, `cuda` or `cpu`.

    `engine` is None where the trainer's own model plays, else what another engine takes here: 0 if
    it is a server. On a GPU it sleeps while the policy is updated, its weights in CPU memory, and keeps
    `ASLEEP` at most. Of what lasts, `shards` devices hold a part each, `here` of them on this machine.
    """
    size = FLOAT_BYTES[weights_dtype(config, device)]
    all_weights = size * shape.parameters
    weights, adapter = all_weights // shards, 4 * config.lora_rank * shape.adapter_width // shards
    trained = adapter or weights
    # The best policy and the one before the update, each with its optimiser's two averages.
    copies = {"copies to step back to": 2 * 3 * trained}
    held = {
        "weights": weights,
        "reference": weights if config.needs_reference and not adapter else 0,
        "adapter": adapter,
        "optimiser": 2 * trained,
    }
    rollout = _rollout(shape, config, size) if engine is None else {"engine": engine}
    update = {"gradients": trained, **_update(shape, config, size)}
    if engine and device == "cuda":
        update["sleeping engine"] = min(engine, ASLEEP)
    if shards > 1:
        update["gathered layers"] = _gathered(shape, config, size)
        if engine is None:
            rollout["gathered weights"] = all_weights
    if device == "cuda":
        ram = {
            "weights on their way": all_weights // here if shards > 1 else all_weights,
            **copies,
            "sleeping engine": all_weights // (config.tensor_parallel if here > 1 else 1) if engine else 0,
        }
        return Estimate(device, {**held, "GPU context": CUDA_CONTEXT}, update, rollout, ram)
    return Estimate(device, {**held, **copies, "engine": engine or 0}, update, {} if engine else rollout, {})


def _gathered(shape: ModelShape, config: LanguageConfig, size: int) -> int:
    """Of a sharded model: all outside the layers, a layer and the next one, and their whole gradients."""
    layer = (shape.parameters - shape.outside) // shape.layers
    return size * (shape.outside + 2 * layer) * (1 if config.lora_rank else 2)


def _update(shape: ModelShape, config: LanguageConfig, size: int) -> dict[str, int]:
    """One micro-batch: what layers keep for the gradient, one layer's gradients, a chunk of logits."""
    tokens = max(config.micro_tokens, LONG_PROMPT + config.max_new_tokens)
    feed_forward, width, keys = _KEPT[config.lora_rank > 0, size]
    layer = (
        feed_forward * shape.feed_forward + keys * shape.keys + width * (shape.hidden + shape.attention) // 2
    )
    if recomputes(config, shape.parameters):
        kept = shape.layers * size * shape.hidden + layer
    else:
        kept = shape.layers * layer
    scratch = 3 * size * (shape.feed_forward + shape.hidden)
    return {"activations": tokens * (kept + scratch), "logits": _logits(shape, config, tokens)}


def _logits(shape: ModelShape, config: LanguageConfig, tokens: int) -> int:
    """A chunk of logits in float32, and five more tensors of its size on the way back."""
    replies = tokens * config.max_new_tokens // (SHORT_PROMPT + config.max_new_tokens) + 1
    return 6 * 4 * min(CHUNK_LOGITS, replies * shape.vocabulary)


def _rollout(shape: ModelShape, config: LanguageConfig, size: int) -> dict[str, int]:
    """One batch of replies: keys and values read so far, a layer's values, the next token's logits."""
    held = max(config.rollout_tokens, LONG_PROMPT + config.max_new_tokens)
    asked = config.replies_at_once
    tokens = min(held, asked * (LONG_PROMPT + config.max_new_tokens))
    rows = min(asked, held // (SHORT_PROMPT + config.max_new_tokens) + 1)
    return {
        "keys and values": tokens * 2 * size * shape.layers * shape.keys,
        "activations": tokens * 3 * size * (shape.feed_forward + shape.hidden),
        "logits": rows * shape.vocabulary * 7 * 4,
    }


def gigabytes(size: int) -> str:
    """Bytes as a person reads them."""
    return f"{size / GIB:.1f} GiB"
