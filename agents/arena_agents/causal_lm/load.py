"""Loading a causal language model and its tokenizer: a folder, a .gguf file, the local cache or the hub."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import torch

from arena_agents.causal_lm.adapter_config import check_adapter
from arena_agents.causal_lm.attention import avoid_cudnn
from arena_agents.causal_lm.gguf import load_gguf, load_gguf_config, load_gguf_tokenizer
from arena_agents.causal_lm.hub import is_gguf, on_disk_only
from arena_agents.files import check_model_folder
from arena_agents.presets import MADE_HERE
from arena_games.base import UsageError

# How the names of files with weights end.
WEIGHTS = (".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json")


def default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype_to_play(trained_in: str | None) -> str | None:
    """In what a policy's weights are held to play, by what they were trained in; None is `load_model`'s own.

    On a CPU that multiplies in bfloat16 a policy which was trained in it plays as it was trained, and more
    than twice as fast; elsewhere in float32.
    """
    quick = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if trained_in == "bfloat16" and default_device().type == "cpu" and quick else None


def load_model(
    source: str, *, dtype: str | None = None, device: torch.device | None = None
) -> tuple[Any, Any]:
    """Model and tokenizer; without `dtype` in bfloat16 on a GPU and float32 on a CPU.

    Without `device` the model is put on the GPU if there is one.

    Raises UsageError if they are neither on disk nor to be had from the hub.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    avoid_cudnn()
    device = device or default_device()
    dtype = dtype or ("bfloat16" if device.type == "cuda" else "float32")
    if is_gguf(source):
        model, tokenizer = load_gguf(_existing(source), dtype=dtype)
    else:
        tokenizer = _loaded(AutoTokenizer, source)
        model = _loaded(AutoModelForCausalLM, source, dtype=dtype)
    model.generation_config = _tokens_only(model.generation_config)
    return model.to(device).eval(), tokenizer


def load_outline(source: str) -> tuple[Any, Any]:
    """Model and tokenizer as `load_model`'s, but the model has shapes and no weights, and takes no memory.

    Enough to know whether it is there and what its family bears. Raises UsageError as `load_model` does.
    """
    from transformers import AutoModelForCausalLM

    config, tokenizer = load_config(source), load_tokenizer(source)
    folder = Path(source)
    if folder.is_dir() and not any(next(folder.glob(f"*{kind}"), None) for kind in WEIGHTS):
        raise UsageError(_remedy(source, FileNotFoundError("no weights")))
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # whatever a damaged config makes it stumble over
        raise UsageError(_remedy(source, error)) from error
    model.generation_config = load_generation_config(source)
    return model.eval(), tokenizer


def load_config(source: str) -> Any:
    """A model's config alone, without its weights. Raises UsageError as `load_model` does."""
    from transformers import AutoConfig

    if is_gguf(source):
        return load_gguf_config(_existing(source))
    return _loaded(AutoConfig, source)


def load_tokenizer(source: str) -> Any:
    """A model's tokenizer alone. Raises UsageError as `load_model` does."""
    from transformers import AutoTokenizer

    if is_gguf(source):
        return load_gguf_tokenizer(_existing(source))
    return _loaded(AutoTokenizer, source)


def _loaded(kind: Any, source: str, **options: Any) -> Any:
    """What transformers makes of a folder or hub id; Python that it brings is neither run nor asked about.

    Raises UsageError for whatever transformers raises: a damaged folder makes it stumble anywhere.
    """
    check_model_folder(Path(source))
    try:
        return kind.from_pretrained(
            source, local_files_only=on_disk_only(source), trust_remote_code=False, **options
        )
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        raise UsageError(_remedy(source, error)) from error


def load_generation_config(source: str) -> Any:
    """A model's end, padding and first tokens, alone. Raises UsageError as `load_model` does."""
    from transformers import GenerationConfig

    if not is_gguf(source):
        try:
            found = GenerationConfig.from_pretrained(source, local_files_only=on_disk_only(source))
            return _tokens_only(found)
        except OSError:  # it has none
            pass
        except Exception as error:
            raise UsageError(_remedy(source, error)) from error
    return _tokens_only(GenerationConfig.from_model_config(load_config(source)))


def _tokens_only(config: Any) -> Any:
    """A generation config without its makers' advice on sampling.

    How replies are drawn is said by us; and transformers refuses to save a model whose advice does not
    agree with itself, though it loads it.
    """
    from transformers import GenerationConfig

    return GenerationConfig(
        eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id, bos_token_id=config.bos_token_id
    )


def end_ids(generation_config: Any, tokenizer: Any) -> frozenset[int]:
    """All tokens that end a reply: the generation config's, one or several, and the tokenizer's."""
    configured = getattr(generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in [*ids, tokenizer.eos_token_id] if i is not None)


def _existing(source: str) -> Path:
    if not Path(source).is_file():
        raise UsageError(f"there is no file {source}; give its path as hf:FILE.gguf")
    return Path(source)


def _remedy(source: str, error: Exception) -> str:
    reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
    if "trust_remote_code" in str(error):
        return f"{source} brings Python code of its own, which is not run; use another model"
    if Path(source).is_dir():
        needed = "it needs config.json, weights and a tokenizer"
        return f"{source} is no whole Hugging Face model ({reason}); {needed}"
    made = f"{MADE_HERE[source]} in this program's source tree makes it, or " if source in MADE_HERE else ""
    return (
        f"model {source!r} is not on this machine and could not be had from the hub; {made}download it where "
        f"there is a network (hf download {quote(source)}), give a local folder as hf:PATH, or use the "
        "built-in nano"
    )


def with_adapter(model: Any, folder: Path, *, trainable: bool = False) -> Any:
    """The model with the adapter in a folder. Raises UsageError if it does not fit."""
    from peft import PeftModel

    check_adapter(folder)
    try:
        return PeftModel.from_pretrained(model, folder, is_trainable=trainable)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of whatever kind peft and torch raise for what does not fit
        raise UsageError(f"cannot load the adapter in {folder}: {error}; train it again") from error
