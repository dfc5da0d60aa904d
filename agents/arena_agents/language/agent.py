"""`LanguageAgent`: the paper's Language-Agent Policy.

A language model Lθ behind an engine, a generation config G, a prompt template T; the extractor Ψ
is the game's own parser.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena_agents.base import Agent, Decode, Ids, Reply, Sampling, TokenSample, Usage
from arena_agents.causal_lm.load import load_model
from arena_agents.engines.base import Engine, EngineName
from arena_agents.engines.choose import choose_playing_engine, playing_engine
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.choices import ReplyTokens, legal_replies
from arena_agents.language.template import PromptTemplate, load_template
from arena_agents.presets import model_source
from arena_games.base import Observation, UsageError, action_reply


class LanguageAgent(Agent):
    """Prompts a language model and returns what it writes, with the tokens it drew."""

    def __init__(
        self, engine: Engine, tokenizer: Any, template: PromptTemplate, sampling: Sampling | None = None
    ) -> None:
        self.engine, self.tokenizer = engine, tokenizer
        self.template = template
        self.sampling = sampling or Sampling()
        self._drafts: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
        self._replies = ReplyTokens(tokenizer)

    def decoding(self, decode: Decode) -> LanguageAgent:
        """The same agent, its replies drawn so; the engine is shared."""
        twin = copy.copy(self)
        twin.sampling = replace(self.sampling, decode=decode)
        return twin

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        """One reply per observation, drawn in one batch from the observations' own seeds."""
        known: dict[tuple[int, str], tuple[int, ...]] = {}
        prompts = []
        for observation in observations:
            key = (id(observation.spec), observation.text)  # two games may have one name
            if key not in known or observation.history:
                known[key] = self.prompt_ids(observation)
            prompts.append(known[key])
        if self.sampling.decode == "choice":
            return self._choose(observations, prompts)
        drafts = [draft for names in {o.action_names for o in observations} for draft in self.drafts(names)]
        samples = self.engine.generate(prompts, self.sampling, [o.seed for o in observations], drafts)
        texts = self.tokenizer.batch_decode([s.token_ids for s in samples], skip_special_tokens=True)
        return [
            Reply(text, sample, usage=self._usage(text, sample))
            for text, sample in zip(texts, samples, strict=True)
        ]

    def _choose(self, observations: Sequence[Observation], prompts: Sequence[Ids]) -> list[Reply]:
        """Replies drawn whole. Their text is what was offered, whatever the tokenizer would make of it."""
        offered = [legal_replies(observation) for observation in observations]
        choices = [self._replies.of(replies) for replies in offered]
        seeds = [observation.seed for observation in observations]
        samples = self.engine.choose(prompts, choices, self.sampling, seeds)
        texts = [
            replies[sample.choices.index(sample.token_ids)]
            for replies, sample in zip(offered, samples, strict=True)
        ]
        return [
            Reply(text, sample, usage=Usage(len(sample.prompt_ids), len(sample.token_ids)))
            for text, sample in zip(texts, samples, strict=True)
        ]

    def _usage(self, text: str, sample: TokenSample) -> Usage:
        """Tokens counted here; a reply is cut off if it fills the limit without an end."""
        drawn = sample.token_ids
        ended = drawn[-1:] == (self.tokenizer.eos_token_id,) or any(s in text for s in self.sampling.stop)
        cut_off = len(drawn) >= self.sampling.max_new_tokens and not ended
        finish = "length" if cut_off else "stop" if text.strip() else "empty"
        return Usage(len(sample.prompt_ids), len(drawn), finish=finish)

    def drafts(self, action_names: tuple[str, ...]) -> list[tuple[int, ...]]:
        """The shortest valid replies to a game as tokens: what a model that knows the format writes."""
        if action_names not in self._drafts:
            self._drafts[action_names] = [
                tuple(self.tokenizer.encode(action_reply(name), add_special_tokens=False))
                for name in action_names
            ]
        return self._drafts[action_names]

    def prompt_ids(self, observation: Observation) -> tuple[int, ...]:
        """The token ids of the whole prompt, by the model's own chat template."""
        messages = self.template.messages(observation.known_spec(), observation)
        ids = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        return tuple(ids)


def load_language_agent(
    spec: str,
    *,
    template: Path | None = None,
    sampling: Sampling | None = None,
    engine: EngineName = "transformers",
) -> LanguageAgent:
    """An agent around an untrained model: a preset's name or `hf:` with a folder or hub id."""
    opened, tokenizer = _open_engine(engine, model_source(spec), None)
    return LanguageAgent(opened, tokenizer, load_template(template), sampling)


def load_language_policy(
    folder: Path, *, template: Path | None = None, engine: EngineName = "transformers"
) -> LanguageAgent:
    """An agent around a policy folder that training wrote: whole weights, or an adapter.

    Raises UsageError if the folder is not whole.
    """
    try:
        card = json.loads((folder / "agent.json").read_text(encoding="utf-8"))
        words = load_template(template) if template else PromptTemplate.parse(card["template"])
        sampling = Sampling(**card["sampling"] | {"stop": tuple(card["sampling"]["stop"])})
        adapter, base = bool(card["adapter"]), str(card["base"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"cannot read the policy in {folder}: {error}; train it again") from error
    source = model_source(base) if adapter else str(folder)
    opened, tokenizer = _open_engine(engine, source, folder if adapter else None, policy=True)
    return LanguageAgent(opened, tokenizer, words, sampling)


def _open_engine(
    asked: EngineName, source: str, adapter: Path | None, *, policy: bool = False
) -> tuple[Engine, Any]:
    """An engine with the model, and the adapter if there is one, and the model's tokenizer."""
    if choose_playing_engine(asked, source, adapter=adapter is not None or not policy) == "vllm":
        engine = playing_engine(source)
        if adapter:
            engine.load_policy(adapter, 0)
        return engine, engine.llm.get_tokenizer()
    model, tokenizer = load_model(source)
    return TransformersEngine(_with_adapter(model, adapter) if adapter else model, tokenizer), tokenizer


def _with_adapter(model: Any, folder: Path) -> Any:
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, folder).eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"cannot load the adapter in {folder}: {error}; train it again") from error
