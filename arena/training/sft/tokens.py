"""Examples as tokens: the prompt as the policy will see it, the reply and the end of its turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.training.language.sequences import Sequences
from arena.training.sft.examples import Example
from arena_agents.language.agent import LanguageAgent

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Distinct prompts and replies as tokens, and for each decision which of them it is."""

    texts: Sequences
    of_decision: tuple[int, ...]


def lessons(examples: Sequence[Example], agent: LanguageAgent) -> Lessons:
    """The examples in the agent's tokens, equal ones once; a thought that a prompt opens is closed."""
    end = end_of_turn(agent)
    encoded: dict[str, Ids] = {}
    places: dict[tuple[Ids, Ids], int] = {}
    of_decision = []
    for example in examples:
        key = repr(example.prompt)
        if key not in encoded:
            encoded[key] = tuple(agent.thinker.closed(agent.chat.ids(agent.tokenizer, example.prompt)))
        reply = (*agent.tokenizer.encode(example.reply, add_special_tokens=False), *end)
        of_decision.append(places.setdefault((encoded[key], reply), len(places)))
    texts = Sequences(tuple(prompt for prompt, _ in places), tuple(reply for _, reply in places))
    return Lessons(texts, tuple(of_decision))


def end_of_turn(agent: LanguageAgent) -> Ids:
    """The tokens with which the model's chat template ends a reply, up to one that ends generation.

    The template writes a turn of the assistant; what stands between its words and the first end token,
    that token included, is what the model has to learn to write. The tokenizer's end token where there
    is no template, or it writes none.
    """
    tokenizer, ends = agent.tokenizer, agent.thinker.ends
    after = () if agent.chat.plain else tokenizer.encode(_after_a_reply(agent), add_special_tokens=False)
    for place, token in enumerate(after):
        if token in ends:
            return tuple(after[: place + 1])
    return (tokenizer.eos_token_id,) if tokenizer.eos_token_id is not None else ()


def _after_a_reply(agent: LanguageAgent) -> str:
    """What the chat template writes after an assistant's words."""
    words = "<action>"
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": words}]
    text = agent.tokenizer.apply_chat_template(turns, tokenize=False, **agent.chat.settings)
    return str(text).rpartition(words)[2]
