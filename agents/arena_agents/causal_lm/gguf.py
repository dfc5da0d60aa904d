"""A GGUF file, llama.cpp's format, as an ordinary model and as a Hugging Face folder.

    python -m arena_agents.causal_lm.gguf MODEL.gguf FOLDER

transformers reads the file with the package `gguf` and undoes the quantisation: the weights are then plain
floats, which play, train and are saved like any other model's. What transformers leaves behind is put
right here: the marks by which it would refuse to save or train such a model, and how digits are split.
"""

from __future__ import annotations

import shutil
import sys
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from arena_agents.files import check_regular
from arena_games.base import UsageError

# Families (`tokenizer.ggml.pre`) whose every digit is a token: transformers splits their text as GPT-2's,
# which joins the last blank before a number to it.
SPLIT_DIGITS = {"smollm"}


def load_gguf(path: Path, *, dtype: str = "float32") -> tuple[Any, Any]:
    """Model and tokenizer of a GGUF file, on the CPU; float32 holds what the file says exactly.

    Raises UsageError if the package `gguf` is missing, or the file cannot be read.
    """
    from transformers import AutoModelForCausalLM

    tokenizer = load_gguf_tokenizer(path)
    return _plain(_from_file(AutoModelForCausalLM, path, dtype=dtype)), tokenizer


def load_gguf_tokenizer(path: Path) -> Any:
    """The tokenizer of a GGUF file alone. Raises UsageError as `load_gguf` does."""
    from transformers import AutoTokenizer

    tokenizer = _from_file(AutoTokenizer, path)
    if _splitting(path) in SPLIT_DIGITS:  # a file that could be read up to here
        _split_digits(tokenizer)
    return tokenizer


def load_gguf_config(path: Path) -> Any:
    """The config of a GGUF file's model alone. Raises UsageError as `load_gguf` does."""
    from transformers import AutoConfig

    return _from_file(AutoConfig, path)


def _from_file(kind: Any, path: Path, **options: Any) -> Any:
    from transformers.utils import logging

    if find_spec("gguf") is None:
        raise UsageError("a .gguf file is read with the package gguf; pip install 'tmsg-arena[gguf]'")
    logging.disable_progress_bar()
    _switch_off_its_bar()
    check_regular(path)
    try:
        return kind.from_pretrained(
            path.parent,
            gguf_file=path.name,
            local_files_only=True,
            trust_remote_code=False,
            **options,
        )
    except Exception as error:  # of a foreign format: struct errors, unknown types, missing keys
        raise UsageError(f"cannot read {path}: {_first_line(error)}; get the .gguf file again") from error


def _switch_off_its_bar() -> None:
    """Have transformers draw no progress bar for such files, which it does whatever it is told.

    Once, for good: what stands in for `sys.stderr` meanwhile would take along what other threads print.
    """
    reader: Any = import_module("transformers.modeling_gguf_pytorch_utils")
    if not isinstance(reader.tqdm, partial):
        reader.tqdm = partial(reader.tqdm, disable=True)


def convert(path: Path, folder: Path, *, dtype: str = "float32") -> None:
    """Write the model as a folder: config, safetensors, tokenizer with its chat template.

    The folder appears whole or not at all. Raises UsageError as `load_gguf` does.
    """
    model, tokenizer = load_gguf(path, dtype=dtype)
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    model.save_pretrained(fresh)
    tokenizer.save_pretrained(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _splitting(path: Path) -> str | None:
    """How the file says that text is split into words, by llama.cpp's name for it."""
    from gguf import GGUFReader

    field = GGUFReader(path).get_field("tokenizer.ggml.pre")
    return None if field is None else str(field.contents())


def _split_digits(tokenizer: Any) -> None:
    from tokenizers import pre_tokenizers

    backend = tokenizer.backend_tokenizer
    digits = pre_tokenizers.Digits(individual_digits=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([digits, backend.pre_tokenizer])


def _plain(model: Any) -> Any:
    """The same model, without the marks of a quantised one: its weights are plain floats."""
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    return model.eval()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m arena_agents.causal_lm.gguf MODEL.gguf FOLDER")
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except UsageError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
