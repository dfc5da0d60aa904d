"""Examples as tokens: the prompt as the policy will see it, the reply and the end of its turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from arena.training.language.learner import Sequences
from arena.training.sft.examples import Example
from arena_agents.engines.transformers import end_ids
from arena_agents.language.agent import LanguageAgent

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Distinct prompts and replies as tokens, and for each decision which of them it is."""

    texts: Sequences
    of_decision: tuple[int, ...]


def lessons(examples: Sequence[Example], agent: LanguageAgent, model: Any) -> Lessons:
    """The examples in the agent's tokens, equal ones once."""
    end = end_of_turn(agent.tokenizer, model)
    encoded: dict[str, Ids] = {}
    places: dict[tuple[Ids, Ids], int] = {}
    of_decision = []
    for example in examples:
        key = repr(example.prompt)
        if key not in encoded:
            encoded[key] = agent.chat_ids(example.prompt)
        reply = (*agent.tokenizer.encode(example.reply, add_special_tokens=False), *end)
        of_decision.append(places.setdefault((encoded[key], reply), len(places)))
    texts = Sequences(tuple(prompt for prompt, _ in places), tuple(reply for _, reply in places))
    return Lessons(texts, tuple(of_decision))


def end_of_turn(tokenizer: Any, model: Any) -> Ids:
    """The tokens with which the model's chat template ends a reply, up to one that ends generation.

    The template writes a turn of the assistant; what stands between its words and the first end token,
    that token included, is what the model has to learn to write. The tokenizer's end token where the
    template writes none.
    """
    ends = end_ids(model, tokenizer)
    words = "<action>"
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": words}]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    after = tokenizer.encode(text.rpartition(words)[2], add_special_tokens=False)
    for place, token in enumerate(after):
        if token in ends:
            return tuple(after[: place + 1])
    return (tokenizer.eos_token_id,) if tokenizer.eos_token_id is not None else ()
