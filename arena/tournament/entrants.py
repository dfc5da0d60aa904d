"""What `--agents` says: who takes part, and whom a tournament has to train first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arena.match.seating import HOUSE
from arena.tournament.options import DEFAULT_AGENTS
from arena.untrusted import file_name
from arena_agents.address import is_address
from arena_agents.policy import holds_language_policy
from arena_agents.presets import PRESETS
from arena_agents.spec import bracketed, split_spec, with_brackets, with_defaults
from arena_games.base import GameSpec, UsageError
from arena_games.registry import find_game

if TYPE_CHECKING:
    from arena.training.config import MsgrpoConfig
    from arena.training.dqn.config import DqnConfig

SPECIALIST = "dqn"
PLAYED = ("decode", "thinking_tokens", "chat_template")  # settings of the agent's, which its training shares
_COMMA = re.compile(r",(?![^\[\]]*\])(?![^()]*\))")  # outside brackets


@dataclass(frozen=True, slots=True)
class Training:
    """A policy that a tournament needs: `agent` trained on `game`, in the run folder `folder`.

    `settings` are those of `--set` that are not the default, as KEY=VALUE.
    """

    agent: str
    game: str
    folder: Path
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True, slots=True)
class Entrant:
    """An agent under test: the name it is ranked by and the spec it is made from.

    What stands in brackets behind `BASE+GAME` and `dqn` are settings of its training too, such as
    `nano+snake[seed=3,keep=1]`: two entrants with seeds of their own are two replicates.

    `base` is what it is trained from, None where it plays as it is. `trained_on` is the game of a
    `BASE+GAME` spec; a `dqn` is trained on each game it plays, for one in skins on the plain game.
    """

    label: str
    spec: str
    base: str | None = None
    trained_on: str | None = None

    def training(self, game: GameSpec, out: Path) -> Training | None:
        """The policy with which it plays `game`, or None if it needs no training."""
        if self.base is None:
            return None
        learned = self.trained_on or game.plain or game.name  # in skins it plays with what it learned plainly
        settings = tuple(f"{name}={value}" for name, value in bracketed(self.spec)[1].items())
        owner = ",".join([self.base, *settings]) if self.label == self.spec else self.label
        folder = out / "agents" / f"{file_name(owner)}@{file_name(learned)}"
        return Training(self.base, learned, folder, settings)

    def playable(self, game: GameSpec, out: Path) -> str:
        """The spec of the agent that plays `game`; a run folder where it has been trained."""
        training = self.training(game, out)
        return self.spec if training is None else str(training.folder)


def parse_entrants(agents: str | Iterable[str], defaults: Mapping[str, str] | None = None) -> list[Entrant]:
    """Entrants from `--agents`: `SPEC` or `LABEL=SPEC`, separated by commas, each with its `[settings]`.

    `defaults` are settings for the language models that do not have them; they then stand in their specs.
    Raises UsageError for an empty list, a label that is used twice or kept for the house, an
    unknown game in `BASE+GAME` or setting, and `defaults` that are for nobody.
    """
    parts = split_agents(agents) if isinstance(agents, str) else agents
    entrants = [_entrant(part.strip(), defaults or {}) for part in parts if part.strip()]
    if not entrants:
        raise UsageError(f"--agents names nobody; try --agents {DEFAULT_AGENTS}")
    check_labels([re.sub(r" \(attempt \d+\)\Z", "", entrant.label) for entrant in entrants])
    if defaults and not any(defaults.keys() & bracketed(entrant.spec)[1].keys() for entrant in entrants):
        named = {"decode": "--decode", "template": "--templates", "draws": "--templates"}
        option = next((named[name] for name in defaults if name in named), "--chat-template")
        raise UsageError(f"{option} is for language models, and none takes part; leave it out")
    return entrants


def split_agents(agents: str) -> list[str]:
    """The specs between commas; those in brackets are their own."""
    return [part.strip() for part in _COMMA.split(agents) if part.strip()]


def check_labels(labels: Sequence[str], remedy: str = "--agents a=…,b=…") -> None:
    """Raise UsageError for a label that is used twice, or kept for the house."""
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"two agents are called {label!r}; name them apart with {remedy}")
        if label.startswith(HOUSE):
            raise UsageError(f"{label!r} is kept for the house's agents; choose another name")


def named(text: str) -> tuple[str, str]:
    """The label and the spec of `LABEL=SPEC`; an empty label where only a spec is given."""
    label, separator, spec = text.partition("=")
    return (label, spec) if separator and re.fullmatch(r"[\w.+@ -]+", label) else ("", text)


def trainings(entrants: Sequence[Entrant], games: Sequence[GameSpec], out: Path) -> list[Training]:
    """Every policy that the entrants need for the games, each once.

    Raises UsageError if two different ones would share a folder.
    """
    needed = dict.fromkeys(_needed(entrants, games, out))
    by_folder: dict[Path, Training] = {}
    for training in needed:
        other = by_folder.setdefault(training.folder, training)
        if other != training:
            raise UsageError(
                f"{training.agent} and {other.agent} would share {training.folder}; name one a=…"
            )
    return list(needed)


def _needed(entrants: Sequence[Entrant], games: Sequence[GameSpec], out: Path) -> Iterator[Training]:
    for entrant in entrants:
        for game in games:
            training = entrant.training(game, out)
            if training is not None:
                yield training


def _entrant(text: str, defaults: Mapping[str, str]) -> Entrant:
    label, spec = named(text)
    bare, settings = bracketed(spec)
    base, trained_on = _trained_from(bare)
    lessons = {name: value for name, value in settings.items() if name in _lessons(base, trained_on)}
    spec = with_brackets(bare, {name: value for name, value in settings.items() if name not in lessons})
    _, played = split_spec(spec)
    if base == SPECIALIST and played:
        raise UsageError(
            f"{min(played)} is for language models, and {SPECIALIST} is none; write {SPECIALIST} alone"
        )
    if is_language_model(base or bare):
        spec = with_defaults(spec, defaults)
    if base is not None and (worded := {"template", "draws"} & bracketed(spec)[1].keys()):
        raise UsageError(f"{min(worded)} is for who plays as it is; train {bare} and name the run's folder")
    if lessons:
        spec = with_brackets(bare, bracketed(spec)[1] | lessons)
        _check(spec, base or "", trained_on or "", lessons)
    return Entrant(label or spec, spec, base, trained_on)


def _lessons(base: str | None, trained_on: str | None) -> Collection[str]:
    """What may be said of how an entrant is trained, beside how it then plays; nothing of one that is not."""
    if base is None:
        return ()
    return _config(trained_on).model_fields.keys() - {"version", "game", "agent", "loggers", *PLAYED}


def _config(trained_on: str | None) -> type[MsgrpoConfig | DqnConfig]:
    """What its training is configured by; imported when something is to be trained, as that takes a while."""
    from arena.training.config import MsgrpoConfig
    from arena.training.dqn.config import DqnConfig

    return MsgrpoConfig if trained_on else DqnConfig


def _check(spec: str, base: str, trained_on: str, lessons: Mapping[str, str]) -> None:
    """Raises UsageError for a value that no training can have."""
    from arena.training.layers import parse_settings, resolve

    said = parse_settings([f"{name}={value}" for name, value in lessons.items()])
    try:
        resolve(_config(trained_on), {"game": trained_on, "agent": base}, said)
    except UsageError as error:
        raise UsageError(f"{spec!r} cannot be trained: {error}") from error


def _trained_from(spec: str) -> tuple[str | None, str | None]:
    """What a spec without settings is trained from, and on which game if it names one."""
    if spec == SPECIALIST:
        return spec, None
    if is_address(spec):  # a + in it belongs to the model's name or the URL
        return None, None
    base, plus, game = spec.rpartition("+")
    if plus and (base in PRESETS or not (Path(spec).exists() or ":" in game or "/" in game)):
        return base, find_game(game).name
    return None, None


def is_language_model(spec: str) -> bool:
    """Whether a spec names one by its form; a class of the user's may be one all the same."""
    named = spec in PRESETS or spec.startswith("hf:") or is_address(spec)
    return named or holds_language_policy(Path(spec))
