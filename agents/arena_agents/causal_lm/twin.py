"""A tiny model of the same family as a real one: same class, same kinds of layers, small windows.

What a family's code does with a mask, a cache or a window does not depend on its weights, so a model of a
few thousand random ones tells it in milliseconds, and shows what a real one would only show beyond a
window of thousands of tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

VOCABULARY = 96
WINDOW = 24  # tokens that a layer with a window sees, and that one in chunks reads at a time
LONGEST = 256  # positions
MOST_LAYERS = 8

# What a config may call the same size, and what it is here. A name that a config lacks is left out; where
# it is smaller already, it stays: all but a vocabulary, so that the same texts serve.
_TABLE = f"""
{VOCABULARY} vocab_size decoder_vocab_size vocab_size_per_layer_input task_type_vocab_size audio_vocab_size
{LONGEST} max_position_embeddings n_positions n_ctx max_seq_len model_max_length context_length
{LONGEST} max_sequence_length max_target_positions seq_length original_max_position_embeddings
{WINDOW} sliding_window window_size sliding_window_size attention_window_size attention_chunk_size
{WINDOW} local_attention keep_window_size index_topk
32 hidden_size d_model n_embd dim dim_model emb_dim embedding_dim embedding_size embed_dim mamba_d_ssm
32 word_embed_proj_dim attention_hidden_size lru_width backbone_hidden_size input_embedding_size
32 output_embedding_size
64 intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim n_inner ffn_hidden_size dim_ff dff d_inner
64 intermediate_size_mlp shared_intermediate_size feed_forward_size dense_intermediate_size
16 moe_intermediate_size shared_expert_intermediate_size expert_ffn_hidden_size q_lora_rank kv_lora_rank
16 moe_shared_expert_intermediate_size o_lora_rank mamba_d_state state_size ssm_state_size mamba_dt_rank
16 time_step_rank hidden_size_per_layer_input laurel_rank adapter_rank router_hidden_size
16 query_pre_attn_scalar qk_head_dim
8 head_dim global_head_dim d_head dim_head attention_head_dim kv_channels qk_rope_head_dim
8 qk_nope_head_dim v_head_dim linear_key_head_dim linear_value_head_dim linear_head_dim index_head_dim
8 swa_head_dim mamba_d_head mamba_head_dim mamba_headdim rotary_dim chunk_size mamba_chunk_size
4 num_attention_heads n_head n_heads num_heads decoder_attention_heads encoder_attention_heads
4 attention_heads num_decoder_attention_heads num_encoder_attention_heads swa_num_attention_heads
4 linear_num_key_heads linear_num_value_heads linear_num_heads index_n_heads mamba_n_heads
4 mamba_num_heads n_mamba_heads num_experts num_local_experts n_routed_experts moe_num_experts
4 zero_expert_num
2 num_experts_per_tok moe_topk moe_k num_experts_per_token n_shared_experts num_shared_experts
2 encoder_layers attn_layer_period expert_layer_period num_global_key_value_heads mamba_n_groups
2 n_groups mamba_ngroups num_random_blocks
1 n_group topk_group attn_layer_offset expert_layer_offset first_k_dense_replace
1 num_nextn_predict_layers num_expert_group num_dense_layers moe_layer_start_index num_kv_shared_layers
1 mamba_expand expand
"""
_SMALL = {name: int(size) for size, *names in map(str.split, _TABLE.strip().splitlines()) for name in names}
_WINDOWS = [name for name, size in _SMALL.items() if size == WINDOW]
# Rotary positions that are scaled by how long the text is.
_BY_LENGTH = ("dynamic", "longrope")
_KEY_HEADS = {
    "num_key_value_heads": "num_attention_heads",
    "num_kv_heads": "num_attention_heads",
    "swa_num_key_value_heads": "swa_num_attention_heads",
    "num_query_groups": "num_attention_heads",
}
_NEVER_NONE = ("head_dim",)
_LEFT_OUT = {"architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path", "model_type"}
_LEFT_OUT |= {"quantization_config", "output_attentions", "output_hidden_states"}
_LAYERS = ["num_hidden_layers", "n_layer", "num_layers", "n_layers", "decoder_layers", "num_decoder_layers"]
_LAYERS += ["num_blocks"]


def twin(model: Any, **changes: Any) -> nn.Module:
    """A small random model of the same class as `model`, in float32 on the CPU, in evaluation mode.

    `changes` are made to its config. Raises whatever the family raises where it cannot be made small.
    """
    return small_model(type(model), model.config, **changes)


def windows(config: Any) -> set[int]:
    """The lengths of text from which a model of this config may behave otherwise, if there are any."""
    text = config.get_text_config(decoder=True)
    found = {getattr(text, name, None) for name in _WINDOWS}
    rope = getattr(text, "rope_parameters", None) or {}
    if rope.get("rope_type") in _BY_LENGTH:
        found.add(rope.get("original_max_position_embeddings") or text.max_position_embeddings)
    return {size for size in found if isinstance(size, int) and size > 0}


def small_model(kind: Any, config: Any, **changes: Any) -> nn.Module:
    """A model of this class by the small form of `config`; its weights are drawn alike every time."""
    if not isinstance(config, kind.config_class):
        config = config.get_text_config(decoder=True)
    small = small_config(config, **changes)
    small._attn_implementation = config._attn_implementation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: nn.Module = kind(small)
        _draw_weights(model)
    return model.float().eval()


def _draw_weights(model: nn.Module) -> None:
    """Larger weights than a fresh model's, and no vector of equal ones: what is wrong must be seen."""
    for name, parameter in model.named_parameters():
        if parameter.dim() >= 2:
            nn.init.normal_(
                parameter.data, std=0.6 / parameter.shape[-1] ** 0.5 if "embed" not in name else 1.0
            )


def small_config(config: Any, **changes: Any) -> Any:
    """The config with small sizes, one layer at least of each kind, and token ids that there are."""
    return type(config)(**_shrunk(config.to_dict()) | changes)


def _shrunk(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: copy.deepcopy(value) for name, value in values.items() if name not in _LEFT_OUT
    }
    for name, value in found.items():
        if name == "rope_parameters" and isinstance(value, dict):
            found[name] = _rope(value)
        elif isinstance(value, Mapping) and name.endswith("_config") and name != "per_layer_config":
            found[name] = _shrunk(value)
        elif name.endswith("token_id"):
            found[name] = _token(name, value)
        elif name in _SMALL and isinstance(value, int) and not isinstance(value, bool):
            found[name] = VOCABULARY if _SMALL[name] == VOCABULARY else min(value, _SMALL[name])
        elif name in _SMALL and isinstance(value, list):  # one a layer
            found[name] = [min(entry, _SMALL[name]) for entry in value]
        elif value is None and name in _NEVER_NONE:
            found[name] = _SMALL[name]
    for name, queries in _KEY_HEADS.items():
        if name in found and queries in values:
            found[name] = found[queries] if found[name] in (None, values[queries]) else 2
    return _with_fewer_layers(found)


def _rope(values: dict[str, Any]) -> dict[str, Any]:
    """Rotary positions that change within the twin's texts where they change with a text's length."""
    if "rope_type" not in values:  # one a kind of layer
        return {name: _rope(value) if isinstance(value, dict) else value for name, value in values.items()}
    factors: dict[str, Any] = {
        name: value[: _SMALL["head_dim"] // 2] for name, value in values.items() if isinstance(value, list)
    }
    if values["rope_type"] in _BY_LENGTH:
        factors["original_max_position_embeddings"] = WINDOW
    return values | factors


def _token(name: str, value: Any) -> Any:
    if value is None or (isinstance(value, int) and value < VOCABULARY):
        return value
    return {"pad_token_id": 0, "bos_token_id": 1}.get(name, 2)


def _with_fewer_layers(values: dict[str, Any]) -> dict[str, Any]:
    """The first layer of each kind and no fewer than two; lists with an entry a layer are cut alike."""
    count = next((values[name] for name in _LAYERS if isinstance(values.get(name), int)), 0)
    lists = {
        name: value
        for name, value in values.items()
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == count > 1
    }
    own = {int(layer): entry for layer, entry in (values.get("per_layer_config") or {}).items()}
    kinds = [repr([own.get(layer), *(v[layer] for v in lists.values())]) for layer in range(count)]
    kept = sorted({kinds.index(kind) for kind in kinds} | set(range(min(2, count))))[:MOST_LAYERS]
    cut: dict[str, Any] = {name: [entries[layer] for layer in kept] for name, entries in lists.items()}
    if own:
        cut["per_layer_config"] = {new: _shrunk(own[layer]) for new, layer in enumerate(kept) if layer in own}
    return values | cut | {name: len(kept) for name in _LAYERS if isinstance(values.get(name), int)}
