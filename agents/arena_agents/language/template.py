"""The prompt template T: plain text with a `[system]` and a `[user]` section.

Fields in braces are filled in: `{task}`, `{actions}`, `{rules}`, `{success}`, `{example}` from the
game, `{observation}` and `{history}` from the turn. Nothing else in the text is interpreted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from arena_agents.files import read_text
from arena_games.base import ActionKind, GameSpec, Observation, Rejected, UsageError

DEFAULT_TEMPLATE = Path(__file__).with_name("template.txt")
GAME_FIELDS = ("task", "actions", "rules", "success", "example")
TURN_FIELDS = ("observation", "history")
NO_REPLY = "(no reply)"
_FIELD = re.compile(r"\{([a-z_]+)\}")
_SECTION = re.compile(r"^\[(system|user)\][ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The words around an observation. An empty `system` means no system message."""

    system: str
    user: str

    @classmethod
    def parse(cls, text: str, source: str = "template") -> PromptTemplate:
        """Raises UsageError if `[user]` or its `{observation}` is missing, or a field is unknown."""
        parts = _SECTION.split(text)
        sections = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
        unknown = set(_FIELD.findall(text)) - {*GAME_FIELDS, *TURN_FIELDS}
        if unknown:
            known = ", ".join(f"{{{field}}}" for field in (*GAME_FIELDS, *TURN_FIELDS))
            raise UsageError(f"{source}: unknown field {{{min(unknown)}}}; known: {known}")
        if "{observation}" not in sections.get("user", ""):
            raise UsageError(f"{source}: needs a [user] section with {{observation}} in it")
        return cls(sections.get("system", ""), sections["user"])

    def text(self) -> str:
        """The file that `parse` reads back."""
        return f"[system]\n{self.system}\n\n[user]\n{self.user}\n"

    def messages(self, spec: GameSpec, observation: Observation) -> list[dict[str, str]]:
        """The chat messages for one turn."""
        fields = game_fields(spec, observation) | {
            "observation": observation.text,
            "history": "\n".join(observation.history),
        }
        before = [
            said
            for shown, replied in observation.recent
            for said in (
                ("user", _fill(self.user, fields | {"observation": shown, "history": ""})),
                ("assistant", replied.strip() or NO_REPLY),
            )
        ]
        filled = [("system", _fill(self.system, fields)), *before, ("user", _fill(self.user, fields))]
        asked_again = [
            said
            for rejected in observation.rejected
            for said in (("assistant", rejected.text.strip() or NO_REPLY), ("user", told(rejected)))
        ]
        return [{"role": role, "content": content} for role, content in [*filled, *asked_again] if content]


def told(rejected: Rejected) -> str:
    """What a model is told of a reply of its own that could not be played, in the same conversation.

    No legal action is named that the observation does not name.
    """
    if rejected.illegal:
        return f"This action cannot be played: {rejected.reason}. Reply again to the same state."
    return (
        f"This reply cannot be read: {rejected.reason}. "
        "Reply again to the same state, in the format asked for."
    )


def load_template(path: Path | None = None) -> PromptTemplate:
    """The template in a file, or the default one. Raises UsageError if it cannot be read."""
    path = path or DEFAULT_TEMPLATE
    return PromptTemplate.parse(
        read_text(path, remedy="name another template", called="template "), str(path)
    )


OF_POSITION = "- Each position names its legal actions; write one exactly as it is named there."
OF_TEXT = "- What you write inside <action> and </action> is told to the game, word for word."


def game_fields(spec: GameSpec, observation: Observation) -> dict[str, str]:
    """What a game contributes to every prompt."""
    listed = "\n".join(f"- {name}: {text}" for name, text in spec.actions.items())
    return {
        "task": spec.task,
        "actions": {ActionKind.POSITION: OF_POSITION, ActionKind.TEXT: OF_TEXT}.get(spec.kind, listed),
        "rules": "\n".join(f"- {rule}" for rule in spec.rules),
        "success": spec.success,
        "example": _example(spec, observation),
    }


def _example(spec: GameSpec, observation: Observation) -> str:
    """What stands in the action tag of the example: no action that a position might favour."""
    if spec.actions:
        return spec.action_names[0]
    return "your action" if spec.kind == ActionKind.POSITION else "your words"


def _fill(text: str, fields: dict[str, str]) -> str:
    return _FIELD.sub(lambda match: fields[match.group(1)], text)
