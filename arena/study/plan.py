"""From a study to its cells: what has to be trained and played, each under an address made of its content.

A cell is one training with one seed, or an agent that plays untrained. Its address is a hash of all that
decides its numbers: the resolved settings and the games' versions. So a study with more seeds or levels finds
what is there, and a changed setting is another cell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from arena.study.config import BASE, Claim, Evaluation, Side, StudyFile, load_study
from arena.study.options import StudyOptions
from arena.training.config import LanguageConfig, TrainConfig
from arena.training.resume import OF_THE_MACHINE
from arena.training.settings import new_config
from arena_games.base import UsageError
from arena_games.registry import find_game
from arena_games.variants import with_numbers

KEY_DIGITS = 12
NUMBERS = "game_set"
LATER = {"frozen_seats": [], "staleness": 0}  # settings that older cells lack, and what changes nothing


@dataclass(frozen=True, slots=True)
class Cell:
    """A training of one seed, or an agent that plays as it is (`config` None).

    `plays` are the games of its test episodes, `config` the settings of its training as they are stored.
    """

    key: str
    agent: str
    plays: tuple[str, ...]
    config: Mapping[str, Any] | None = None

    def folder(self, out: Path) -> Path:
        """Where all that belongs to it lies."""
        return out / "cells" / self.key


@dataclass(frozen=True, slots=True)
class Arm:
    """One level of every factor: its trainings by seed, and what they start from. `words` name it."""

    levels: Mapping[str, str]
    game: str
    agent: str
    cells: Mapping[int, Cell]
    base: Cell | None
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its levels in a few words."""
        return ", ".join(self.words) or f"{self.agent} on {self.game}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All arms and reference agents of a study, with the games that are played."""

    name: str
    study: StudyFile
    arms: tuple[Arm, ...]
    references: Mapping[str, Cell]
    games: tuple[str, ...]

    @property
    def cells(self) -> list[Cell]:
        """Every cell once: what is untrained first, then the trainings, seed by seed."""
        trained = [arm.cells[seed] for seed in range(self.study.seeds) for arm in self.arms]
        untrained = [arm.base for arm in self.arms if arm.base is not None]
        return list({cell.key: cell for cell in (*self.references.values(), *untrained, *trained)}.values())

    def arm_of(self, side: Side, claim: Claim) -> Arm:
        """The arm that a side of a claim names. Raises UsageError unless it is exactly one."""
        found = [arm for arm in self.arms if side.levels.items() <= arm.levels.items()]
        if side.policy == BASE and found:  # arms that start alike have one base
            found = list({arm.agent: arm for arm in reversed(found)}.values())
        if len(found) != 1:
            problem = (
                "no arm" if not found else f"{len(found)} arms, as {found[0].name!r} and {found[1].name!r}"
            )
            raise UsageError(f"the claim {claim.says!r} names {problem}; name a level of each factor")
        return found[0]


def make_plan(name: str, study: StudyFile) -> Plan:
    """The cells of a study. Raises UsageError for a game, agent, setting or level that there is not."""
    resolved = [(levels, _configs(study, asked)) for levels, asked in _arms(study)]
    trained_on = [configs[0].game for _, configs in resolved]
    games = tuple(dict.fromkeys(find_game(game).name for game in study.evaluation.games or trained_on))
    arms = tuple(_arm(study, levels, configs, games) for levels, configs in resolved)
    references = {label: untrained(agent, games) for label, agent in study.references.items()}
    plan = Plan(name, study, arms, references, games)
    for claim in study.claims:
        _check_claim(plan, claim)
    return plan


def untrained(agent: str, games: tuple[str, ...]) -> Cell:
    """An agent that plays these games as it is."""
    return Cell(address({"agent": agent}), agent, games)


def address(content: Mapping[str, Any]) -> str:
    """A hash of what decides a cell's numbers, as a folder's name."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=KEY_DIGITS // 2).hexdigest()


def _arms(study: StudyFile) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Each combination of levels, and what it sets."""
    factors = list(study.factors)
    for chosen in product(*(study.levels(factor).items() for factor in factors)):
        asked: dict[str, Any] = {}
        for _, level in chosen:
            asked |= level
        yield dict(zip(factors, (label for label, _ in chosen), strict=True)), asked


def _configs(study: StudyFile, level: Mapping[str, Any]) -> list[TrainConfig]:
    """An arm's resolved settings, seed by seed."""
    base = study.base
    asked = {"game": base.game, "agent": base.agent, **base.settings, **_flat(level)}
    if base.opponents is not None:
        asked.setdefault("opponents", base.opponents)
    numbers = dict(base.game_set)
    for name in [name for name in asked if name.startswith(f"{NUMBERS}.")]:
        numbers[name.partition(".")[2]] = asked.pop(name)
    if numbers:
        asked["game"] = with_numbers(str(asked["game"]), numbers)
    return [new_config(asked, {"seed": seed}, None) for seed in range(study.seeds)]


def _flat(level: Mapping[str, Any]) -> dict[str, Any]:
    """A level's settings, its table of numbers as `game_set.KEY`."""
    flat = {name: value for name, value in level.items() if name != NUMBERS}
    return flat | {f"{NUMBERS}.{name}": value for name, value in dict(level.get(NUMBERS, {})).items()}


def _arm(
    study: StudyFile, levels: Mapping[str, str], configs: list[TrainConfig], games: tuple[str, ...]
) -> Arm:
    first = configs[0]
    base = untrained(first.agent, games) if first.agent != "dqn" else None
    cells = {config.seed: _training(config, games) for config in configs}
    words = tuple(_word(study, factor, level) for factor, level in levels.items())
    return Arm(levels, first.game, first.agent, cells, base, words)


def _word(study: StudyFile, factor: str, level: str) -> str:
    """A level as it is shown: a value beside its setting's name, but for games, agents and named levels."""
    plain = factor in ("game", "agent") or isinstance(study.factors[factor], dict)
    return level if plain else f"{factor.removeprefix(f'{NUMBERS}.')}={level}"


def _training(config: TrainConfig, games: tuple[str, ...]) -> Cell:
    stored = json.loads(config.model_dump_json())
    decides = {name: value for name, value in stored.items() if name not in OF_THE_MACHINE}
    neutral = {name for name, value in LATER.items() if decides.get(name) == value}
    if isinstance(config, LanguageConfig) and not config.further_episodes:
        neutral.add("confirm_episodes")
    decides = {name: value for name, value in decides.items() if name not in neutral}
    key = address(decides | {"game_version": find_game(config.game).version})
    if not isinstance(config, LanguageConfig):  # a specialist plays what it was trained on
        games = tuple(game for game in games if game == find_game(config.game).name)
    return Cell(key, config.agent, games, stored)


def _check_claim(plan: Plan, claim: Claim) -> None:
    """Raises UsageError for a side that no arm, game or decoding of the study is."""
    for side in filter(None, (claim.first, claim.second)):
        unknown = side.levels.keys() - plan.study.factors.keys()
        if unknown:
            raise UsageError(
                f"the claim {claim.says!r} names {min(unknown)!r}, which is no factor of the study"
            )
        if side.on is not None and find_game(side.on).name not in plan.games:
            raise UsageError(f"the claim {claim.says!r} is of {side.on}, which no evaluation plays")
        if side.reference is None:
            _check_arm(plan.arm_of(side, claim), side, claim)
        if side.decoding not in decodings(
            plan.study.evaluation, untrained=side.policy == BASE or bool(side.reference)
        ):
            raise UsageError(
                f"the claim {claim.says!r} wants decoding {side.decoding!r}, which is not played"
            )


def _check_arm(arm: Arm, side: Side, claim: Claim) -> None:
    if side.policy == BASE and arm.base is None:
        raise UsageError(f"the claim {claim.says!r} is of an untrained dqn, and there is none")
    plays = arm.cells[0].plays
    if side.policy != BASE and side.on is not None and find_game(side.on).name not in plays:
        raise UsageError(f"the claim {claim.says!r} is of {arm.name} on {side.on}, which it does not play")


def decodings(evaluation: Evaluation, *, untrained: bool) -> tuple[str, ...]:
    """How the replies of a policy are drawn, each in turn."""
    more = tuple(f"{value:g}" for value in evaluation.base_temperatures) if untrained else ()
    return tuple(dict.fromkeys((*evaluation.decoding, *more)))


def asked_plan(options: StudyOptions) -> tuple[Plan, Path]:
    """The plan of what is asked for, and its folder. Raises UsageError for what it cannot be made of."""
    name, study = load_study(options.study)
    look = study.evaluation
    if options.episodes is not None:
        look = Evaluation.model_validate(look.model_dump() | {"episodes": options.episodes})
    base = study.base if options.agent is None else study.base.model_copy(update={"agent": options.agent})
    change = {"base": base, "evaluation": look, "seeds": options.seeds or study.seeds}
    study = study.model_copy(update=change | {"references": {**study.references, **options.references}})
    return make_plan(name, study), options.out or Path("runs") / f"study-{name}"
