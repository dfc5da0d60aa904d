"""Small models with the oddities of real ones: copies of nano whose template, end tokens or format differ."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from arena_agents.nano import MODEL_DIR

_CHATML = """\
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}SYSTEM{%- endif -%}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}TAIL{%- endif -%}
"""


def _chatml(system: str = "", tail: str = "") -> str:
    return _CHATML.replace("SYSTEM", system).replace("TAIL", tail)


KEEPS_SYSTEM = _chatml()
REFUSES_SYSTEM = _chatml("{{ raise_exception('System role not supported') }}")
DROPS_SYSTEM = _chatml("{%- continue -%}")
# As Qwen 3's: switched off, the prompt holds an empty thought.
THINKS_ON_DEMAND = _chatml(
    tail="{%- if enable_thinking is defined and not enable_thinking -%}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{%- endif -%}"
)
# As DeepSeek R1's: the prompt opens the thought.
THINKS_ALWAYS = _chatml(tail="{{ '<think>\\n' }}{#- until </think> -#}")


def copy_of_nano(folder: Path, template: str | None = "", **generation: Any) -> Path:
    """nano in a folder of its own, with another chat template (None: without) and generation config."""
    shutil.copytree(MODEL_DIR, folder)
    if template is None:
        (folder / "chat_template.jinja").unlink()
    elif template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    if generation:
        (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    return folder


def nano_as_gguf(file: Path) -> Path:
    """nano's weights, float32, and its tokenizer, in llama.cpp's format."""
    from gguf import GGUFWriter, TokenType

    config = json.loads((MODEL_DIR / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((MODEL_DIR / "tokenizer.json").read_text(encoding="utf-8"))
    writer = GGUFWriter(file, "qwen2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    _write_tokenizer(writer, tokenizer, TokenType)
    for name, tensor in load_file(MODEL_DIR / "model.safetensors").items():
        writer.add_tensor(_llama_cpp_name(name), tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _write_tokenizer(writer: Any, tokenizer: dict[str, Any], kinds: Any) -> None:
    added = {entry["id"]: entry["content"] for entry in tokenizer["added_tokens"]}
    tokens = {place: token for token, place in tokenizer["model"]["vocab"].items()} | added
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([tokens[place] for place in range(len(tokens))])
    writer.add_token_types(
        [
            kinds.NORMAL if place not in added else kinds.CONTROL if place < 3 else kinds.USER_DEFINED
            for place in range(len(tokens))
        ]
    )
    merges = tokenizer["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_chat_template((MODEL_DIR / "chat_template.jinja").read_text(encoding="utf-8"))


def _llama_cpp_name(name: str) -> str:
    for ours, theirs in (
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("model.layers.", "blk."),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("post_attention_layernorm", "ffn_norm"),
        ("input_layernorm", "attn_norm"),
    ):
        name = name.replace(ours, theirs)
    return name
