"""What a study file says: TOML, checked before anything runs.

title = "…"
seeds = 5                               # trainings of each arm, from seed 0

[base]                                  # what all trainings share: game, agent, settings
game = "frozen-lake"
agent = "nano"

[factors]                               # each arm is one level of every factor
keep = [0.5, 1.0]                       # a setting, `game`, `agent` or `game_set.KEY`: its values
[factors.sampling]                      # or levels by name, each with settings of its own
"T_ep 1" = { episode_temperature = 1 }
all = { keep = 1 }

[references]                            # agents that play beside, untrained
search = "search"

[evaluation]                            # the same test episodes for everybody
games = ["frozen-lake"]                 # default: the games that are trained on
episodes = 500

[[claims]]                              # a rule, fixed beforehand
says = "half of the episodes suffice"
first = { sampling = "T_ep 1" }
second = { sampling = "all" }
holds = "not less"
margin = 0.02
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from arena_agents.files import read_text
from arena_games.base import UsageError

STUDIES = ("paper", "aaw", "transfer", "reward-scale", "credit", "collapse")
Scalar = str | int | float | bool
Level = dict[str, Any]
Holds = Literal["more", "less", "not less", "equal"]
BASE = "base"  # the policy that a training starts from


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=2_000)


class Evaluation(_Table):
    """The test episodes that every policy plays, and how its replies are drawn.

    `decoding` are `sampled` (as the policy was trained), `greedy`, or temperatures; `base_temperatures` are
    those at which untrained policies play beside: training that only sharpens looks like them.
    """

    games: tuple[str, ...] = ()
    episodes: int = Field(default=500, ge=2, le=100_000)
    seed: int = Field(default=0, ge=0)
    policies: tuple[Literal["best", "last"], ...] = ("best", "last")
    decoding: tuple[str, ...] = ("sampled", "greedy")
    base_temperatures: tuple[float, ...] = (0.3,)


class Side(_Table):
    """One side of a comparison: an arm by its factors' levels, and which of its policies plays what, how.

    `policy` is best, last or base (untrained), `reference` an agent of `[references]`. `on` is the game that
    is played, by default the one that the arm is trained on. What is left out must be the same for all arms.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, Scalar]

    policy: Literal["best", "last", "base"] = "best"
    decoding: str = "sampled"
    on: str | None = None
    reference: str | None = None

    @property
    def levels(self) -> dict[str, str]:
        """Of the factors that are named, by factor."""
        return {name: level_name(value) for name, value in (self.__pydantic_extra__ or {}).items()}


class Claim(_Table):
    """What somebody says, and when it shall count as shown.

    `metric` is `success`, `return`, `invalid`, `deaths`, `apples`, or `episodes_to:SHARE`: the episodes
    learned from until held-out success first reached that share. `statistic` is its mean over trainings and
    episodes, or `spread`: the standard deviation over trainings of their means. The claim holds where the
    first side's lies above (`more`), below (`less`), not more than `margin` below (`not less`), or less than
    `margin` away from (`equal`) `factor` times the second's; without a second side, from `value`.
    Claims of one `says` stand or fall together.
    """

    says: str
    paper: str = ""
    first: Side
    second: Side | None = None
    value: float = 0.0
    factor: float = 1.0
    metric: str = Field("success", pattern=r"^(success|return|invalid|deaths|apples|episodes_to:0?\.\d+)$")
    statistic: Literal["mean", "spread"] = "mean"
    holds: Holds
    margin: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _can_be_tested(self) -> Claim:
        if self.holds in ("not less", "equal") and not self.margin:
            raise ValueError(f"{self.says!r}: what is {self.holds} needs a margin above 0")
        if self.statistic == "spread" and (self.second is not None or self.holds not in ("more", "less")):
            raise ValueError(f"{self.says!r}: a spread is more or less than a value")
        return self


class Base(_Table):
    """What all trainings share; `settings` are those of `--set`, `game_set` numbers of the game."""

    game: str
    agent: str
    opponents: str | None = None
    settings: dict[str, Any] = {}
    game_set: dict[str, Scalar] = {}


class StudyFile(_Table):
    """A study as its file says it."""

    title: str
    about: str = ""
    seeds: int = Field(default=3, ge=1, le=1_000)
    base: Base
    factors: dict[str, list[Scalar] | dict[str, Level]] = {}
    references: dict[str, str] = {}
    evaluation: Evaluation = Evaluation()
    claims: tuple[Claim, ...] = ()

    def levels(self, factor: str) -> dict[str, Level]:
        """A factor's levels by name, each as what it sets."""
        found = self.factors[factor]
        if isinstance(found, dict):
            return found
        return {level_name(value): {factor: value} for value in found}

    @model_validator(mode="after")
    def _factors_have_levels(self) -> StudyFile:
        for name in self.factors:
            if not self.levels(name):
                raise ValueError(f"factor {name!r} has no level")
        return self


def level_name(value: Scalar) -> str:
    """What a value is called as a level: as TOML writes it."""
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def load_study(name: str) -> tuple[str, StudyFile]:
    """The name and the content of a study of ours, or of a file. Raises UsageError in one line."""
    if name in STUDIES:
        return name, parse_study((files("arena.study") / "studies" / f"{name}.toml").read_text("utf-8"), name)
    path = Path(name)
    if path.suffix != ".toml":
        raise UsageError(f"no study {name!r}; there are {', '.join(STUDIES)}, or name a FILE.toml")
    return path.stem, parse_study(read_text(path), str(path))


def parse_study(text: str, name: str) -> StudyFile:
    """A study from TOML. Raises UsageError in one line."""
    try:
        return StudyFile.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"cannot read study {name}: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        said = str(problem["msg"]).removeprefix("Value error, ")
        raise UsageError(f"study {name}: {f'{where}: ' if where else ''}{said}") from error
