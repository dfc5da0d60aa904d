"""Checks of the parser Ψ on what language models, and worse, may reply."""

from __future__ import annotations

import numpy as np

from arena_games.base import ActionKind, GameSpec, Invalid, Observation, action_reply
from arena_games.conformance.playthrough import Playthrough, View

RANDOM_TEXTS = 20  # per episode

NASTY_TEXTS = (
    *("", " ", "\n" * 1000, "\x00", "\\", "%s%n%d", "{0}{name}", "(((", "[a-", "null", "{}", '{"action": 1}'),
    *("0", "-1", "1e999", "nan", "9" * 5000, "٣", "²", "🐍", "ß", "İ", "\ud800", "\u202eleft", "\ufeff"),
    *("<action>", "</action>", "<action></action>", "</action><action>", "<action><action></action>"),
    *("<ACTION> </ACTION>", "<action>\x00</action>", "<action>" * 500, "<action>9</action>", "a" * 20_000),
)


def parses_anything(spec: GameSpec, played: Playthrough) -> str | None:
    """`parse` never raises, gives a legal int or `Invalid`, and the same one twice."""
    rng = np.random.default_rng([played.seed, 3])
    observation = _drawn_view(played, rng).observation(spec)
    texts = [random_text(rng, observation.legal_names or spec.action_names) for _ in range(RANDOM_TEXTS)]
    for text in [*NASTY_TEXTS, *texts]:
        fault = _parse_fault(spec, text, observation)
        if fault:
            return f"parse {fault} on {text[:60]!a}"
    return None


def _parse_fault(spec: GameSpec, text: str, observation: Observation) -> str | None:
    try:
        parsed = spec.parse(text, observation)
        again = spec.parse(text, observation)
    except Exception as error:
        return f"raises {type(error).__name__}"
    if parsed != again:
        return f"gives {parsed!r}, then {again!r}"
    if spec.kind == ActionKind.TEXT:
        sound = isinstance(parsed, str)
    else:
        sound = type(parsed) is int and parsed in observation.legal
    return None if sound or isinstance(parsed, Invalid) else f"gives {parsed!r}"


def random_text(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    """Tags, action names and characters from all of Unicode, jumbled."""
    pieces = ["<action>", "</action>", "<Action>", "<plan>", " ", "\n", *names, *map(str.upper, names)]
    strange = [chr(code) for code in rng.integers(0, 0x110000, 12)]
    return "".join(rng.choice(np.array(pieces + strange, dtype=object), rng.integers(1, 12)))


def every_action_can_be_named(spec: GameSpec, played: Playthrough) -> str | None:
    """Each legal action is understood as `<action>name</action>`, or as its bare name."""
    view = _drawn_view(played, np.random.default_rng([played.seed, 4]))
    observation = view.observation(spec)
    if spec.kind == ActionKind.TEXT:
        return None if spec.parse(action_reply("a b"), observation) == "a b" else "parse changes what is said"
    for action, name in zip(view.legal, observation.legal_names, strict=True):
        if action not in (spec.parse(form, observation) for form in (f"<action>{name}</action>", name)):
            return f"parse understands neither <action>{name}</action> nor {name!r}"
    return None


def _drawn_view(played: Playthrough, rng: np.random.Generator) -> View:
    return played.decisions[rng.integers(len(played.decisions))].view
