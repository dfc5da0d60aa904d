"""What a training run is told: all settings with their defaults and bounds."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from arena.training.league.mix import Mix
from arena_agents.address import is_address
from arena_agents.base import Decode
from arena_agents.engines.base import EngineName
from arena_agents.limits import LARGEST_NUMBER, LARGEST_SETTINGS_OF_TRAINING, LONGEST_SETTING

CONFIRMED_ON = 200  # validation episodes; fewer where looks are short, which says what they may cost
TIMES_A_LOOK = 4
LONGEST_EXCERPT = 60  # characters of a wrong value that are shown


class TrainConfig(BaseModel):
    """What every trainer shares. Stored, resolved, as `config.json` in the run's folder.

    `opponents` hold the seats that the learner does not: `house`, `self`, `league`, or an agent spec
    (see `arena.match.seating.training_seating`); in MS-GRPO also `league`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=LONGEST_SETTING
    )

    version: Literal[1] = Field(1, description="of this table of settings")
    game: str = Field(description="a game's name, module:SPEC or FILE.py:SPEC")
    agent: str = Field(description="who is trained, as `--agent` names it")
    seed: int = Field(0, ge=0, description="start of all randomness")
    steps: int = Field(200, ge=1, description="updates of the policy")
    opponents: str = Field("house", description="of the learner: `house`, `self`, `league`, or an agent")
    eval_every: int = Field(20, ge=1, description="steps between evaluations on validation episodes")
    eval_episodes: int = Field(50, ge=1, description="validation episodes an evaluation")
    checkpoint_every: int = Field(20, ge=1, description="steps between checkpoints")
    loggers: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = Field(
        (), description="where metrics go beside `metrics.jsonl`"
    )

    @model_validator(mode="after")
    def _has_a_league(self) -> Self:
        if self.opponents == "league" and "league_every" not in type(self).model_fields:
            raise ValueError("opponents=league is for arena train with a language model; name others")
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        """Before anything is allocated by it."""
        for name in type(self).model_fields:
            value, most = getattr(self, name), LARGEST_SETTINGS_OF_TRAINING.get(name, LARGEST_NUMBER)
            if isinstance(value, int | float) and value > most:
                raise ValueError(f"{name} is at most {most:,}, not {excerpt(value)}")
        return self


class LanguageConfig(TrainConfig):
    """What the trainers of language policies share: weights, optimiser, engine, and the guard.

    `adapter` says how training goes on from a policy that is an adapter: with that adapter, or with it
    merged into the weights that it was trained on (see `arena.training.language.start`).
    """

    ALGORITHM: ClassVar[str]

    learning_rate: float = Field(1e-5, gt=0, description="the highest, of AdamW")
    warmup: int = Field(5, ge=0, description="updates over which the rate rises")
    final_rate: float = Field(1.0, ge=0, le=1, description="share of the rate left at the end")
    weight_decay: float = Field(0.0, ge=0, description="of AdamW")
    max_grad_norm: float = Field(1.0, gt=0, description="to which longer gradients are cut")
    adapter: Literal["keep", "merge"] = Field("keep", description="how to go on from an adapter")
    lora_rank: int = Field(16, ge=0, description="of the adapter; 0 trains all weights")
    lora_alpha: int = Field(32, ge=1, description="of the adapter, which is scaled by alpha / rank")
    temperature: float = Field(1.0, gt=0, description="of sampling in rollouts and evaluations")
    max_new_tokens: int = Field(256, ge=1, description="of an answer")
    thinking_tokens: int = Field(1024, ge=0, description="of what a model thinks before its answer")
    chat_template: dict[str, Any] = Field({}, description="settings of the model's chat template")
    memory: int | None = Field(
        None, ge=0, description="of its own turns that the policy is shown; as the game says"
    )
    decode: Decode = Field("free", description="`choice` draws replies whole, among the legal ones")
    micro_tokens: int = Field(
        16384, ge=1, description="tokens a forward and backward pass; fewer where memory asks for it"
    )
    rollout_tokens: int = Field(32_768, ge=1, description="tokens the transformers engine holds at a time")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="of the model's weights")
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto", description="compute layers again for the gradient; auto: models above 1 B"
    )
    engine: EngineName = Field("auto", description="what draws the replies")
    engine_memory: float = Field(0.45, gt=0, lt=1, description="share of a GPU's memory for the engine")
    tensor_parallel: int = Field(1, ge=1, description="GPUs that the engine spreads the model over")
    probe_tolerance: float | None = Field(
        None, gt=0, description="nats a token that engine and trainer may differ; by precision"
    )
    collapse_drop: float = Field(0.5, gt=0, le=1, description="share of the gain whose loss is a collapse")
    confirm_episodes: int | None = Field(
        None,
        ge=0,
        description="validation episodes on which a policy has to be the best to be kept as `best`; "
        f"{CONFIRMED_ON}, at most {TIMES_A_LOOK} times eval_episodes",
    )

    @property
    def further_episodes(self) -> int:
        """Validation episodes that are played, beyond a look's own, where a look may be the best."""
        asked = self.confirm_episodes
        if asked is None:
            asked = min(CONFIRMED_ON, TIMES_A_LOOK * self.eval_episodes)
        return max(0, asked - self.eval_episodes)

    @property
    def token_temperature(self) -> float:
        """What logits are divided by. Replies that are drawn whole are tempered as a whole, by T."""
        return 1.0 if self.decode == "choice" else self.temperature

    @property
    def served(self) -> bool:
        """Whether a server draws the replies: the one at the agent's address."""
        return is_address(self.agent) and self.engine in ("auto", "server")

    @property
    def replies_at_once(self) -> int:
        """How many replies are asked for together, at most."""
        return max(self.eval_episodes, self.further_episodes)

    @property
    def needs_reference(self) -> bool:
        """Whether the policy is held to the one that it starts from."""
        return False


class MsgrpoConfig(LanguageConfig):
    """MS-GRPO with AAW episode sampling (arXiv 2508.10839). Names follow the equations.

    The options of credit and stability, each with its equation and source, are in docs/credit.md.
    """

    ALGORITHM: ClassVar[str] = "msgrpo"

    groups: int = Field(8, ge=1, description="B, start states an update")
    staleness: int = Field(
        0, ge=0, le=1, description="updates that a rollout's policy may be behind; 1 plays one ahead"
    )
    group_size: int = Field(16, ge=1, description="G, episodes a start state")
    refill: int = Field(0, ge=0, description="further rollouts until B groups are informative, at most")
    keep: float = Field(0.5, gt=0, le=1, description="share of the trainable episodes that is kept")
    episode_sampling: Literal["aaw", "uniform"] = Field("aaw", description="how episodes are kept")
    episode_temperature: float = Field(1.0, gt=0, description="T_ep of AAW")
    with_replacement: bool = Field(False, description="whether an episode may be kept more than once")
    importance_correction: bool = Field(
        False, description="weigh kept episodes so that their mean is in expectation that of all"
    )
    advantage_scale: Literal["std", "none"] = Field("std", description="what advantages are divided by")
    baseline: Literal["group", "leave_one_out", "seat_ema"] = Field(
        "group", description="what is taken from a return to make an advantage"
    )
    baseline_decay: float = Field(0.95, ge=0, lt=1, description="α of `seat_ema`, an episode")
    credit: Literal["episode", "return_to_go", "step_group", "gigpo", "turn_gae"] = Field(
        "episode", description="what a step's advantage is made from"
    )
    discount: float = Field(1.0, ge=0, le=1, description="γ of every credit but `episode`")
    step_weight: float = Field(1.0, ge=0, description="ω, weight of the step's term of `gigpo`")
    gae_decay: float = Field(0.9, ge=0, le=1, description="λ of `turn_gae`")
    critic_rate: float = Field(1e-3, gt=0, description="learning rate of the critic of `turn_gae`")
    loss_mean: Literal["episode", "token"] = Field(
        "episode", description="what a token's loss is averaged over"
    )
    clip_low: float = Field(0.2, gt=0, description="ratios below 1 - this are clipped")
    clip_high: float = Field(0.2, gt=0, description="ratios above 1 + this are clipped")
    frozen_seats: tuple[int, ...] = Field(
        (), description="seats that the policy holds and does not learn from"
    )
    league_every: int = Field(10, ge=1, description="updates between the league's copies of the policy")
    league_mix: str = Field("50/30/20", description="percent against latest/pool/anchors; 80/20: no anchors")
    anchors: tuple[str, ...] = Field(
        ("base", "random"), description="of a league: agents that never change; `base` is the start"
    )
    pfsp: Literal["hard", "even", "uniform"] = Field("even", description="which past versions are met")
    league_seeds: int = Field(12, ge=1, description="start states on which a version meets each rater")
    league_rated: int = Field(6, ge=1, description="past versions that rate a new one, at most")
    hours: float | None = Field(None, gt=0, description="of training, then it pauses; --resume goes on")
    trust_region: Literal["clip", "tv"] = Field("clip", description="`tv` bounds |π − π_old| (DPPO)")
    tv_low: float = Field(0.2, gt=0, le=1, description="of `tv`: most a probability may fall")
    tv_high: float = Field(0.2, gt=0, le=1, description="of `tv`: most a probability may rise")
    beta: float = Field(0.0, ge=0, description="β of the KL penalty")
    kl_estimator: Literal["k3", "unbiased_k3"] = Field("k3", description="of that penalty")
    entropy_target: float | None = Field(None, gt=0, description="nats a token to hold the entropy above")
    entropy_step: float = Field(0.005, gt=0, description="by which the entropy's weight moves an update")
    epochs: int = Field(1, ge=1, description="passes over the kept episodes")
    minibatches: int = Field(1, ge=1, description="optimiser steps a pass")
    reward: Literal["game", "place"] = Field(
        "game", description="what is learned from: what the game pays, or one's place at its end (1 to -1)"
    )
    format_penalty: float = Field(1.0, ge=0, description="taken off the reward of an invalid reply")
    mismatch: Literal["truncate", "mask_tokens", "mask_replies"] = Field(
        "truncate", description="what is done where engine and trainer differ"
    )
    mismatch_cap: float = Field(2.0, ge=1, description="largest weight for the engine's mismatch")
    mismatch_floor: float = Field(0.5, gt=0, le=1, description="smallest weight that is not masked")
    max_kl: float = Field(0.5, gt=0, description="KL to the policy sampled from that undoes an update")

    @field_validator("loss_mean")
    @classmethod
    def _mean_that_can_be_corrected(cls, mean: str, given: ValidationInfo) -> str:
        """A mean over the kept tokens is divided by their number, which the draw changes: never exact."""
        if mean == "token" and given.data.get("importance_correction"):
            raise ValueError("importance_correction is exact for loss_mean=episode only; set one of the two")
        return mean

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        alone = self.credit == "turn_gae" or (self.baseline == "seat_ema" and self.credit == "episode")
        if self.group_size == 1 and not alone:
            raise ValueError(
                "group_size=1 leaves no episode to compare with; set baseline=seat_ema with credit=episode, "
                "credit=turn_gae, or a larger group_size"
            )
        if self.baseline != "group" and self.credit in ("return_to_go", "turn_gae"):
            raise ValueError(
                f"credit={self.credit} has a baseline of its own; leave baseline={self.baseline} out"
            )
        Mix.parse(self.league_mix)
        if self.refill and self.learns_from_all:
            raise ValueError(
                "refill waits for groups whose returns differ, but this run learns from all groups; "
                "leave refill out, or set baseline=group and another credit than turn_gae"
            )
        return self

    @property
    def learns_from_all(self) -> bool:
        """Whether groups whose returns are all equal are trained on too: there is a baseline beside them."""
        return self.baseline == "seat_ema" or self.credit == "turn_gae"

    @property
    def replies_at_once(self) -> int:
        return self.groups * self.group_size

    @property
    def needs_reference(self) -> bool:
        return self.beta > 0


def excerpt(value: object) -> str:
    """A value of somebody's, in a few characters."""
    shown = repr(value)
    return shown if len(shown) <= LONGEST_EXCERPT else f"{shown[:LONGEST_EXCERPT]}…"
