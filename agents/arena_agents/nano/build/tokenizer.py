"""nano's tokenizer: byte-level BPE in Qwen2's manner, with the pieces of our game texts whole.

Observations are cut into board cells, coordinates, numbers and the phrases between them, and each
piece that occurs becomes one added token: prompts are short, a board row is as many tokens as it
has cells, and any other text still has its merges and bytes. Pieces are added tokens, not merges,
because `AutoTokenizer` gives every Qwen2 folder Qwen2's own pre-tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer

from arena_agents.language.chat import LEFT_OUT

# A board cell (with the line end before it), a coordinate, a number, a phrase.
PIECE = re.compile(r"\n? ?[A-Z_](?=[ \n]|$)| ?\(\d+, \d+\)| ?\d+|\n?[^\n\d()]*[^\n\d() ]")
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TAGS = ("<plan>", "</plan>", "<action>", "</action>")

# The model is too small to use instructions: its template leaves the system message out, and says so.
CHAT_TEMPLATE = (
    f"{{#- {LEFT_OUT} -#}}"
    "{%- for message in messages if message['role'] != 'system' -%}"
    f"{START}{{{{ message['role'] + '\\n' + message['content'] }}}}{END}{{{{ '\\n' }}}}"
    "{%- endfor -%}"
    f"{{%- if add_generation_prompt -%}}{START}{{{{ 'assistant\\n' }}}}{{%- endif -%}}"
)


def train_tokenizer(texts: Iterable[str], action_names: Iterable[str], folder: Path) -> Qwen2Tokenizer:
    """Learn merges and pieces from observations, write the tokenizer to `folder`, and read it back."""
    texts = list(texts)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    pieces = sorted({piece for text in texts for piece in PIECE.findall(text)})
    whole = [*TAGS, "user\n", "assistant\n", *sorted(set(action_names)), *pieces]
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in dict.fromkeys(whole)])
    return _saved(tokenizer, folder)


def _saved(tokenizer: Tokenizer, folder: Path) -> Qwen2Tokenizer:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    loaded = Qwen2Tokenizer.from_pretrained(folder, eos_token=END, pad_token=PAD)
    loaded.chat_template = CHAT_TEMPLATE
    loaded.save_pretrained(folder)
    return loaded
