"""The README.md of an exported policy: where it comes from, what it scores, how to load it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.training.metrics_file import is_number
from arena.untrusted import markdown_fenced, markdown_plain
from arena_agents.language.chat import UNCHANGED, ChatFormat

PAPER = "https://arxiv.org/abs/2508.10839"
SCORES = (("return", "mean return", "{:.2f}"), ("success", "success", "{:.1%}"))
CONFIRMED = "eval/confirmed_"

CHOOSES = """\
It was trained to choose: each legal reply, `<action>NAME</action>`, is weighed whole, and one is drawn with
p ∝ exp(log-probability / T). What it writes freely, as below, may name no action.

"""
LOAD_WHOLE = """\
model = AutoModelForCausalLM.from_pretrained(folder)"""
LOAD_ADAPTER = """\
config = PeftConfig.from_pretrained(folder)
base = AutoModelForCausalLM.from_pretrained(config.base_model_name_or_path{gguf})
model = PeftModel.from_pretrained(base, folder)"""
PROMPT = """\
messages = {messages}
ids = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True{settings}
)"""
PLAIN_PROMPT = """\
ids = tokenizer("…\\n\\n…\\n", return_tensors="pt")"""
BOTH = '[{"role": "system", "content": "…"}, {"role": "user", "content": "…"}]'
FOLDED = '[{"role": "user", "content": "…\\n\\n…"}]'


@dataclass(frozen=True, slots=True)
class Card:
    """What the card tells. `before` and `after` are rows of metrics.jsonl, None where unknown.

    `decode` is how its replies were drawn in training.
    """

    name: str
    base: str
    game: str
    whole: bool
    stop: tuple[str, ...]
    config: Mapping[str, Any]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    chat: ChatFormat = UNCHANGED
    gguf_file: str | None = None
    decode: str = "free"


def write_card(folder: Path, card: Card) -> None:
    """Write `folder`/README.md."""
    from huggingface_hub import ModelCard

    parts = [_about(card), _scores(card), _loading(card), _settings(card)]
    body = "\n\n".join(part for part in parts if part)
    ModelCard(f"---\n{_front_matter(card)}\n---\n\n{body}\n").save(folder / "README.md")


def _front_matter(card: Card) -> str:
    """The card's metadata as YAML, quoted where a name could be taken for more than a name."""
    from huggingface_hub import ModelCardData

    data = ModelCardData(
        base_model=card.base,
        library_name="transformers" if card.whole else "peft",
        pipeline_tag="text-generation",
        tags=["tmsg-arena", *_method_tags(card), "games", card.game],
    )
    return data.to_yaml()


def _about(card: Card) -> str:
    kind = "Whole weights" if card.whole else "A LoRA adapter"
    seed = f", seed {card.config['seed']}" if "seed" in card.config else ""
    step = f", policy of step {card.after['step']} of {card.config.get('steps', '?')}" if card.after else ""
    return (
        f"# {markdown_plain(card.name)}\n\n"
        f"{kind}: `{markdown_plain(card.base)}`, trained to play "
        f"`{markdown_plain(card.game)}` {_method(card)}{seed}{step}."
    )


def _taught(card: Card) -> bool:
    return card.config.get("algorithm") == "sft"


def _method_tags(card: Card) -> list[str]:
    return ["sft", "imitation-learning"] if _taught(card) else ["ms-grpo", "reinforcement-learning"]


def _method(card: Card) -> str:
    if _taught(card):
        return f"by example: decisions of `{markdown_plain(str(card.config.get('teacher', '?')))}`"
    sampling = str(card.config.get("episode_sampling", "aaw")).upper()
    return f"by MS-GRPO with {sampling} episode sampling ([paper]({PAPER}))"


def _scores(card: Card) -> str:
    if card.before is None or card.after is None:
        return ""
    before, after = card.before, card.after
    confirmed = all(is_number(row.get(CONFIRMED + key)) for row in (before, after) for key, _, _ in SCORES)
    of = CONFIRMED if confirmed else "eval/"
    episodes = before.get(f"{of}episodes") or card.config.get("eval_episodes", "?")
    rows = [
        f"| {label} | {form.format(before[of + key])} | {form.format(after[of + key])} |"
        for key, label, form in SCORES
    ]
    return "\n".join(
        [
            "## Held-out scores",
            "",
            f"On {episodes} start states that were not trained on. The best policy was chosen by them, so",
            "they flatter it a little; `arena eval` measures on others.",
            "",
            "| | before | after |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def _loading(card: Card) -> str:
    peft = "" if card.whole else "from peft import PeftConfig, PeftModel\n"
    gguf = f", gguf_file={card.gguf_file!r}" if card.gguf_file else ""
    code = f"""\
{peft}from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # this one
{LOAD_WHOLE if card.whole else LOAD_ADAPTER.format(gguf=gguf)}
tokenizer = AutoTokenizer.from_pretrained(folder)
{_prompt(card.chat)}
reply = model.generate(**ids, stop_strings={list(card.stop)!r}, tokenizer=tokenizer)
print(tokenizer.decode(reply[0, ids["input_ids"].shape[1]:], skip_special_tokens=True))"""
    return (
        "## Use\n\n`template.txt` holds the two messages; the game fills in what stands in braces.\n\n"
        + (CHOOSES if card.decode == "choice" else "")
        + markdown_fenced(code, "python")
    )


def _prompt(chat: ChatFormat) -> str:
    """How the two messages become a prompt; one, where the template takes no system message."""
    if chat.plain:
        return PLAIN_PROMPT
    settings = f", **{dict(chat.settings)!r}" if chat.settings else ""
    return PROMPT.format(messages=FOLDED if chat.folded else BOTH, settings=settings)


def _settings(card: Card) -> str:
    if not card.config:
        return ""
    return "## Settings\n\n" + markdown_fenced(json.dumps(card.config, indent=2), "json")
