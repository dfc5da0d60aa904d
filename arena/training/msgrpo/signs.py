"""What a rollout shows of a policy's health, from what was played alone: it costs no pass of the model."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from arena.training.language.rollout import Rollout
from arena.training.language.training import Metrics
from arena.training.msgrpo.advantage import informative_groups
from arena_games.base import Action

SIGNS = (
    "informative_groups",
    "return_std",
    "action_entropy",
    "top_action",
    "top_action_share",
    "mutual_information",
)
SHUFFLES = 20
FEWEST_STEPS = 32  # from which a mutual information is estimated

Numbers = NDArray[np.int64]


def signs(rollout: Rollout) -> Metrics:
    """`informative_groups`: the share of groups whose returns differ; `return_std`: their mean deviation;
    `action_entropy` (nats), `top_action` (its number) and `top_action_share` of all actions that were named;
    `mutual_information` of prompt and action in nats. None for what there was nothing to measure.
    """
    if not rollout.groups:
        return dict.fromkeys(SIGNS)
    returns_BG = rollout.returns_BG()
    played = [step for step in rollout.steps if step.invalid is None]
    numbers = _numbered([step.action for step in played])
    said = [(step.observation.text, number) for step, number in zip(played, numbers, strict=True)]
    actions = Counter(action for _, action in said)
    top, count = max(actions.items(), key=lambda item: (item[1], -item[0]), default=(None, 0))
    return {
        "informative_groups": float(informative_groups(returns_BG).double().mean()),
        "return_std": float(returns_BG.std(dim=1, correction=0).mean()),
        "action_entropy": entropy(np.array(list(actions.values()))) if said else None,
        "top_action": top,
        "top_action_share": count / len(said) if said else None,
        "mutual_information": mutual_information(said),
    }


def _numbered(actions: list[Action]) -> list[int]:
    """The actions' numbers; what was said in a game of free text is numbered in the order of first saying."""
    places: dict[str, int] = {}
    return [places.setdefault(a, len(places)) if isinstance(a, str) else a for a in actions]


def entropy(counts: Numbers) -> float:
    """−Σ p log p of these counts, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def mutual_information(said: list[tuple[str, int]]) -> float | None:
    """I(prompt; action) = H(action) − H(action | prompt) over prompts that were answered repeatedly, in nats.

    Near 0 the policy says the same things whatever it is asked: RAGEN-2's template collapse (arXiv
    2604.06268), which entropy alone does not show. Its proxy scores each reply under other prompts; here a
    reply is an action, so that counts do. Counts of few replies feign information, so the mean of what
    shuffled answers feign is taken off: where there is none, 0 is expected. None of fewer than
    `FEWEST_STEPS` steps.
    """
    often = Counter(prompt for prompt, _ in said)
    number = {prompt: place for place, prompt in enumerate(p for p, count in often.items() if count > 1)}
    prompt_N = np.array([number[prompt] for prompt, _ in said if prompt in number], np.int64)
    action_N = np.array([action for prompt, action in said if prompt in number], np.int64)
    if len(prompt_N) < FEWEST_STEPS or len(number) < 2:
        return None
    rng = np.random.default_rng(0)
    feigned = [_dependence(prompt_N, rng.permutation(action_N)) for _ in range(SHUFFLES)]
    return _dependence(prompt_N, action_N) - float(np.mean(feigned))


def _dependence(prompt_N: Numbers, action_N: Numbers) -> float:
    """The mutual information of the counts themselves."""
    actions = int(action_N.max()) + 1
    joint = np.bincount(prompt_N * actions + action_N)
    return entropy(np.bincount(action_N)) + entropy(np.bincount(prompt_N)) - entropy(joint)
