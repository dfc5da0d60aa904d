"""Every causal family that transformers knows, made small; writes the table of docs/families.md.

python -m tests.agents.causal_lm.families           # writes the page (minutes)
python -m tests.agents.causal_lm.families mistral   # prints these families' rows
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from arena_agents.causal_lm.family import ANY, Family
from arena_agents.causal_lm.prove import LONG, SHORT, family_of, quiet
from arena_agents.causal_lm.trial import Trial
from arena_agents.causal_lm.twin import small_model, windows

PAGE = Path(__file__).parents[3] / "docs" / "families.md"
FAMILIES = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)

# What a config leaves out by default and every real model's says.
COMPLETED: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [3]},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"] * 16},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 16},
    "reformer": {"is_decoder": True},
}

# What is tried in each `make test`: one of every kind, and what people use.
_OF_EACH_KIND = """
    bert cohere2 deepseek_v3 falcon_h1 gemma2 gemma3_text gpt2 gpt_neo gpt_oss granite jamba lfm2 llama mamba2
    mistral mixtral mpt olmo3 opt phi3 qwen2 qwen3 qwen3_5_text qwen3_moe rwkv smollm3
"""
REPRESENTATIVE = _OF_EACH_KIND.split()


class UnbuiltError(Exception):
    """A family that cannot be made small from its config alone."""


def described(name: str) -> Any:
    """The family's own default config, completed."""
    config = CONFIG_MAPPING[name](**COMPLETED.get(name, {}))
    config._attn_implementation = "sdpa" if getattr(_kind(name), "_supports_sdpa", True) else "eager"
    return config


def small(name: str) -> Any:
    """A small random model of the family, that has read a text. Raises UnbuiltError."""
    try:
        with quiet():
            model = small_model(_kind(name), described(name))
            assert model(input_ids=torch.arange(3, 9)[None], use_cache=False).logits.isfinite().all()
    except Exception as error:
        words = " ".join(str(error).split()).replace("|", "/")
        raise UnbuiltError(f"{type(error).__name__}: {words[:120]}") from error
    return model


def found(name: str) -> Family:
    """What the proof says of the family's default config. Raises UnbuiltError."""
    model, config = small(name), described(name)
    with quiet():
        return family_of(
            Trial(model, SHORT, level=True), Trial(model, LONG), name, min(windows(config), default=0)
        )


def row(name: str) -> str:
    """The family's line of the table."""
    try:
        cells = _cells(found(name))
    except UnbuiltError as error:
        cells = ["", "", "", f"not tried: {error}"]
    return f"| {name} | {_kind(name).__name__} | {' | '.join(cells)} |"


def _cells(family: Family) -> list[str]:
    cuts, plain = family.short_cuts, family.plain
    reaches = [_reach(reach) for reach in (cuts.longest, cuts.shared, cuts.trees)]
    if cuts.longest == ANY:
        return [*reaches, ""]
    if plain is None:
        return [*reaches, f"refused: {family.reason}"]
    how = "padded batches" if plain.padded else "prompts of one length at a time"
    return [*reaches, how if plain.cached else f"{how}, without a cache"]


def _reach(tokens: int) -> str:
    return {ANY: "any length", 0: "–"}.get(tokens, f"to {tokens:,} tokens")


def _kind(name: str) -> Any:
    return getattr(transformers, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[name])


HEAD = f"""# Which families of models play and learn here, and how

Written by `python -m tests.agents.causal_lm.families` with transformers {transformers.__version__}.

Every architecture behind transformers' `AutoModelForCausalLM` was made small from its default config, with
random weights, and read in several ways. What is drawn, the log-probabilities that are learnt from, and their
gradient must agree to 1e-4 with the plain forward pass of each text alone, without padding or a cache. The
same proof is made of each real model, by its own config, before its first reply: in a fraction of a second.

- *batches*: prompts padded on the left and a cache: batched sampling
- *beginnings*: what all prompts begin with is read once
- *trees*: replies, and drafts of replies, that begin alike are read as a tree behind their prompt
- *else*: how texts beyond that are read: `transformers.generate` draws, the plain forward pass learns

Lengths are those of the default config's windows; a real model's own count.

| `model_type` | class | batches | beginnings | trees | else |
| --- | --- | --- | --- | --- | --- |
"""


def main() -> None:
    warnings.simplefilter("ignore")
    if names := sys.argv[1:]:
        print("\n".join(map(row, names)))
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + "".join(f"{row(name)}\n" for name in FAMILIES), encoding="utf-8")


if __name__ == "__main__":
    main()
