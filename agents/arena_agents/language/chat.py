"""`ChatFormat`: how messages become the tokens of a prompt, the way that a model wants them.

Most models bring a chat template. Some templates refuse a system message, or drop it without a word: it is
then folded into the first user message. A model without a template reads plain text. What a template does
is found out by trying it once, when the model is loaded, and is stored with every policy that is trained so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from arena_agents.base import Sampling
from arena_agents.language.rendering import try_rendering
from arena_games.base import UsageError

Messages = Sequence[Mapping[str, str]]

# What `apply_chat_template` is told by us, and no setting may change.
OURS = {
    *("conversation", "messages", "chat_template", "tokenize", "tokenizer_kwargs", "add_generation_prompt"),
    *("continue_final_message", "return_dict", "return_tensors", "return_assistant_tokens_mask"),
    *("padding", "truncation", "max_length"),
}
# A reply to plain text is one paragraph: nothing in it tells a base model that its turn is over.
PLAIN_STOP = "\n\n"
# A template that says this in a comment leaves the system message out, as its model was trained.
LEFT_OUT = "The system message is left out on purpose."
_SYSTEM = "Answer with the word nectarine."  # no template's own words
_ASKED = "Which fruit?"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How a prompt is made of messages.

    `plain` text, for want of a chat template; a system message `folded` into the first user message; the
    `settings` that the template is given, such as `enable_thinking`.
    """

    plain: bool = False
    folded: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, tokenizer: Any, settings: Mapping[str, Any] | None = None) -> ChatFormat:
        """What the tokenizer's template makes of a system message, by trying it.

        Raises UsageError for settings that are not the template's to take, and for a template that cannot
        even render one user message, or takes too much for it.
        """
        chat = cls(plain=tokenizer.chat_template is None).given(tokenizer, settings or {})
        if not chat.plain:
            try_rendering(lambda: chat._text(tokenizer, [{"role": "user", "content": _ASKED}]))
        if chat.plain or LEFT_OUT in str(tokenizer.chat_template) or chat._keeps_system(tokenizer):
            return chat
        return replace(chat, folded=True)._tried(tokenizer)

    def given(self, tokenizer: Any, settings: Mapping[str, Any]) -> ChatFormat:
        """The same with these settings too. Raises UsageError for those that no template may be given."""
        if self.plain and settings:
            raise UsageError(f"it has no chat template that could take {min(settings)}; leave that out")
        refused = sorted(OURS & settings.keys())
        if refused:
            raise UsageError(f"chat_template.{refused[0]} is set by this program; leave it out")
        unknown = sorted(name for name in settings if name not in str(tokenizer.chat_template))
        if unknown:
            _say_once(f"arena: the chat template of {_name(tokenizer)} does not mention {', '.join(unknown)}")
        return replace(self, settings={**self.settings, **settings})

    def card(self) -> dict[str, Any]:
        """The same as JSON: what a policy's `agent.json` holds under `chat`."""
        return asdict(self)

    def ids(self, tokenizer: Any, messages: Messages) -> tuple[int, ...]:
        """The prompt's token ids, up to where the reply begins."""
        if self.plain:
            return _plain_ids(tokenizer, messages)
        rendered = tokenizer.apply_chat_template(
            [dict(message) for message in self.sent(messages)],
            add_generation_prompt=True,
            return_dict=False,
            **self.settings,
        )
        return tuple(rendered)

    def after_reply(self, tokenizer: Any) -> str:
        """What the template writes after an assistant's words; nothing in plain text."""
        if self.plain:
            return ""
        words = "<action>"
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": words}]
        text = tokenizer.apply_chat_template(turns, tokenize=False, **self.settings)
        return str(text).rpartition(words)[2]

    def appends(self, tokenizer: Any) -> bool:
        """Whether a later turn's prompt goes on where an earlier one's ended.

        Some templates rewrite earlier turns: they leave thoughts out, or close them otherwise. What a policy
        is then shown of its own turns is not what it saw when it took them.
        """
        asked = {"role": "user", "content": _ASKED}
        first = self.ids(tokenizer, [asked])
        later = self.ids(tokenizer, [asked, {"role": "assistant", "content": "<action>"}, asked])
        return later[: len(first)] == first

    def sent(self, messages: Messages) -> Messages:
        """The messages that the template is given."""
        if not self.folded:
            return messages
        system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
        others = [message for message in messages if message["role"] != "system"]
        if not system or not others:
            return others or [{"role": "user", "content": system}]
        first = {**others[0], "content": f"{system}\n\n{others[0]['content']}"}
        return [first, *others[1:]]

    def with_stops(self, sampling: Sampling) -> Sampling:
        """The generation config, with the stop string that plain text needs."""
        if not self.plain or PLAIN_STOP in sampling.stop:
            return sampling
        return replace(sampling, stop=(*sampling.stop, PLAIN_STOP))

    def said(self) -> list[str]:
        """What a person should know of this format, a line each."""
        lines = []
        if self.plain:
            lines.append("it has no chat template; prompts are plain text")
        if self.folded:
            lines.append("its chat template takes no system message; it is put before the first user message")
        return lines

    def _keeps_system(self, tokenizer: Any) -> bool:
        messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _ASKED}]
        try:
            rendered = self._text(tokenizer, messages)
        except Exception:  # a template raises what it likes
            return False
        return _SYSTEM in rendered

    def _tried(self, tokenizer: Any) -> ChatFormat:
        try:
            rendered = self._text(tokenizer, [{"role": "user", "content": _ASKED}])
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise UsageError(
                f"the model's chat template fails: {reason[:200]}; mend its chat_template.jinja"
            ) from error
        if _ASKED not in rendered:
            raise UsageError(
                "the model's chat template drops what the user says; mend its chat_template.jinja"
            )
        return self

    def _text(self, tokenizer: Any, messages: list[dict[str, str]]) -> str:
        return str(
            tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=False, **self.settings
            )
        )


# The messages as they are, to a template without settings.
UNCHANGED = ChatFormat()


def found_chat(tokenizer: Any, name: str, settings: Mapping[str, Any] | None = None) -> ChatFormat:
    """`ChatFormat.of`, with what a person should know of it said once for each model.

    Raises UsageError as it does, naming the model.
    """
    try:
        chat = ChatFormat.of(tokenizer, settings)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    for line in chat.said():
        _say_once(f"arena: {name}: {line}")
    return chat


@cache
def _say_once(line: str) -> None:
    log.warning(line)


def _name(tokenizer: Any) -> str:
    return str(getattr(tokenizer, "name_or_path", "") or "the model")


def _plain_ids(tokenizer: Any, messages: Messages) -> tuple[int, ...]:
    """The messages' text, a blank line between them, then a line for the reply.

    The tokenizer adds its own first token, if it has one; an end token that it adds is taken away.
    """
    text = "\n\n".join(message["content"] for message in messages) + "\n"
    first = tokenizer.bos_token
    if first and text.startswith(first):
        text = text.removeprefix(first)
    ids = list(tokenizer.encode(text))
    if ids and ids[-1] == tokenizer.eos_token_id:
        ids.pop()
    return tuple(ids)
