"""`LanguageAgent`: the paper's Language-Agent Policy.

A language model Lθ behind an engine, a generation config G, a prompt template T; the extractor Ψ
is the game's own parser.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena_agents.base import Agent, Decode, Ids, Reply, Sampling, TokenSample, Usage
from arena_agents.causal_lm.adapter_config import check_adapter
from arena_agents.causal_lm.load import (
    dtype_to_play,
    end_ids,
    load_generation_config,
    load_model,
    load_outline,
    with_adapter,
)
from arena_agents.engines.base import Engine, EngineName
from arena_agents.engines.choose import choose_playing_engine, playing_engine
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.card import CARD, read_card
from arena_agents.language.chat import ChatFormat, found_chat
from arena_agents.language.choices import ReplyTokens, legal_replies
from arena_agents.language.draws import seeds_of
from arena_agents.language.template import PromptTemplate, load_template
from arena_agents.language.thinking import Read, Thinker
from arena_agents.policy import base_source
from arena_agents.presets import model_source
from arena_games.base import Observation, UsageError, action_reply

MOST_DRAFTED = 64  # names of one batch of positions that drafts are made of


class LanguageAgent(Agent):
    """Prompts a language model and returns what it writes, with the tokens it drew."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Any,
        template: PromptTemplate,
        sampling: Sampling | None = None,
        *,
        chat: ChatFormat | None = None,
        ends: frozenset[int] = frozenset(),
    ) -> None:
        """`chat` is found out if not given; `ends` are end tokens beside the tokenizer's."""
        self.engine, self.tokenizer = engine, tokenizer
        self.at_once = getattr(engine, "at_once", None)
        self.template, self.draws = template, 0
        self.chat = chat or ChatFormat.of(tokenizer)
        self.sampling = self.chat.with_stops(sampling or Sampling())
        self.thinker = Thinker(tokenizer, ends | end_ids(None, tokenizer))
        self._replies = ReplyTokens(tokenizer)

    def decoding(self, decode: Decode) -> LanguageAgent:
        """The same agent, its replies drawn so; the engine is shared."""
        twin = copy.copy(self)
        twin.sampling = replace(self.sampling, decode=decode)
        return twin

    def prompted(self, settings: Mapping[str, Any]) -> LanguageAgent:
        """The same agent, its chat template given these settings too. Raises UsageError as `ChatFormat`."""
        twin = copy.copy(self)
        twin.chat = self.chat.given(self.tokenizer, settings)
        return twin

    def thinking(self, tokens: int) -> LanguageAgent:
        """The same agent, with so many tokens to think before it answers."""
        twin = copy.copy(self)
        twin.sampling = replace(self.sampling, thinking_tokens=tokens)
        return twin

    def worded(self, template: PromptTemplate) -> LanguageAgent:
        """The same agent, with other words around an observation."""
        twin = copy.copy(self)
        twin.template = template
        return twin

    def redrawn(self, draws: int) -> LanguageAgent:
        """The same agent, whose replies are other draws: `draws` is mixed into their seeds."""
        twin = copy.copy(self)
        twin.draws = draws
        return twin

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        """One reply per observation, drawn in one batch from the observations' own seeds."""
        known: dict[tuple[int, str], tuple[int, ...]] = {}
        prompts = []
        for observation in observations:
            if observation.history or observation.rejected or observation.recent:
                prompts.append(self.prompt_ids(observation))
                continue
            key = (id(observation.spec), observation.text)  # two games may have one name
            if key not in known:
                known[key] = self.prompt_ids(observation)
            prompts.append(known[key])
        if self.sampling.decode == "choice":
            return self._choose(observations, prompts)
        drafts = [draft for names in drafted_names(observations) for draft in self.drafts(names)]
        samples = self.thinker.sample(
            self.engine, prompts, self.sampling, seeds_of(observations, self.draws), drafts
        )
        return [self.sampled(sample, self.sampling) for sample in samples]

    def sampled(self, sample: TokenSample, sampling: Sampling) -> Reply:
        """What a sample says that was drawn so: text, reasoning and usage."""
        read = self.thinker.read(sample)
        return Reply(read.text, sample, usage=self._usage(read, sample, sampling), reasoning=read.reasoning)

    def _usage(self, read: Read, sample: TokenSample, sampling: Sampling) -> Usage:
        """Tokens counted here; a reply is cut off if its answer fills the limit without an end."""
        drawn, thought = sample.token_ids, read.reasoning_tokens
        ended = drawn[-1:] and drawn[-1] in self.thinker.ends
        ended = ended or any(stop in read.text for stop in sampling.stop)
        cut_off = len(drawn) - (thought or 0) >= sampling.max_new_tokens and not ended
        finish = "length" if cut_off else "stop" if read.text.strip() else "empty"
        return Usage(len(sample.prompt_ids), len(drawn), thought, finish=finish)

    def _choose(self, observations: Sequence[Observation], prompts: Sequence[Ids]) -> list[Reply]:
        """Replies drawn whole. Their text is what was offered, whatever the tokenizer would make of it."""
        offered = [legal_replies(observation) for observation in observations]
        choices = [self._replies.of(replies) for replies in offered]
        prompts = [self.thinker.closed(prompt) for prompt in prompts]
        seeds = seeds_of(observations, self.draws)
        samples = self.engine.choose(prompts, choices, self.sampling, seeds)
        texts = [
            replies[sample.choices.index(sample.token_ids)]
            for replies, sample in zip(offered, samples, strict=True)
        ]
        return [
            Reply(text, sample, usage=Usage(len(sample.prompt_ids), len(sample.token_ids)))
            for text, sample in zip(texts, samples, strict=True)
        ]

    def distribution(self, observations: Sequence[Observation]) -> list[list[float]]:
        """The probability of each legal action under choice decoding, in the order of `legal`.

        Raises UsageError for an engine that does not tell, and where there are too many actions.
        """
        weigh = getattr(self.engine, "weigh", None)
        if weigh is None:
            raise UsageError("this engine does not tell how likely each reply is; use --engine transformers")
        prompts = [self.thinker.closed(self.prompt_ids(observation)) for observation in observations]
        choices = [self._replies.of(legal_replies(observation)) for observation in observations]
        weighed: list[list[float]] = weigh(prompts, choices, self.sampling)
        return weighed

    def drafts(self, action_names: tuple[str, ...]) -> list[tuple[int, ...]]:
        """The shortest valid replies to a game as tokens: what a model that knows the format writes."""
        return [self._replies.encoded(action_reply(name)) for name in action_names]

    def prompt_ids(self, observation: Observation) -> tuple[int, ...]:
        """The token ids of the whole prompt, in the model's own chat format."""
        messages = self.template.messages(observation.known_spec(), observation)
        return self.chat.ids(self.tokenizer, messages)


def drafted_names(observations: Sequence[Observation]) -> list[tuple[str, ...]]:
    """The names of actions from which drafts are made: a game's list, else what the positions name.

    None where the positions name more than `MOST_DRAFTED` together.
    """
    lists = {seen.action_names for seen in observations if seen.action_names}
    named = dict.fromkeys(name for seen in observations for name in seen.names)
    return [*lists, *([tuple(named)] if 0 < len(named) <= MOST_DRAFTED else [])]


def load_language_agent(
    spec: str,
    *,
    template: Path | None = None,
    sampling: Sampling | None = None,
    engine: EngineName = "transformers",
    weights: bool = True,
) -> LanguageAgent:
    """An agent around an untrained model: a preset's name or `hf:` with a folder, .gguf file or hub id.

    Without `weights` it cannot play: it only shows that it could be made.
    """
    source, words = model_source(spec), load_template(template)
    opened, tokenizer, ends = _open_engine(engine, source, None) if weights else _outline(source)
    chat = found_chat(tokenizer, spec)
    return LanguageAgent(opened, tokenizer, words, sampling, chat=chat, ends=ends)


def load_language_policy(
    folder: Path, *, template: Path | None = None, engine: EngineName = "transformers", weights: bool = True
) -> LanguageAgent:
    """An agent around a policy folder that training wrote: whole weights, or an adapter.

    Its prompts are made as in training. Without `weights` it cannot play: it only shows that it could be
    made. Raises UsageError if the folder is not whole.
    """
    other = load_template(template) if template else None
    card = read_card(folder)
    words = other or PromptTemplate.parse(card.template, str(folder / CARD))
    if card.adapter:
        check_adapter(folder)  # whichever engine will read it
    source = base_source(folder, card.base) if card.adapter else str(folder)
    if weights:
        dtype, kept = dtype_to_play(card.dtype), folder if card.adapter else None
        opened, tokenizer, ends = _open_engine(engine, source, kept, policy=True, dtype=dtype)
    else:
        opened, tokenizer, ends = _outline(source)
    return LanguageAgent(opened, tokenizer, words, card.drawn(), chat=card.format(), ends=ends)


def _outline(source: str) -> tuple[Engine, Any, frozenset[int]]:
    """What `_open_engine` gives, around a model without weights."""
    model, tokenizer = load_outline(source)
    return TransformersEngine(model, tokenizer), tokenizer, end_ids(model.generation_config, tokenizer)


def _open_engine(
    asked: EngineName, source: str, adapter: Path | None, *, policy: bool = False, dtype: str | None = None
) -> tuple[Engine, Any, frozenset[int]]:
    """An engine with the model, and the adapter if there is one, its tokenizer, and its end tokens."""
    if choose_playing_engine(asked, source, adapter=adapter is not None or not policy) == "vllm":
        engine = playing_engine(source)
        if adapter:
            engine.load_policy(adapter, 0)
        tokenizer = engine.llm.get_tokenizer()
        return engine, tokenizer, end_ids(load_generation_config(source), tokenizer)
    model, tokenizer = load_model(source, dtype=dtype)
    ends = end_ids(model.generation_config, tokenizer)
    sampler = TransformersEngine(with_adapter(model, adapter).eval() if adapter else model, tokenizer)
    return sampler, tokenizer, ends
