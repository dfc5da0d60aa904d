"""Why did it collapse? One line with the likeliest cause, from what a run has logged.

What came after the best held-out return is compared with what came before it. Causes are asked in an order
in which each explains those after it: a step that is too large makes a policy deterministic, which makes
all returns of a group equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

Row = Mapping[str, float | int | None]
FEWEST_ROWS = 3  # that are compared, where there are as many


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows of updates until the best held-out return, and after it; the actions' names."""

    before: Sequence[Row]
    after: Sequence[Row]
    actions: Sequence[str]

    def then(self, name: str) -> float | None:
        """The mean of a metric until the best."""
        return _mean(self.before, name)

    def now(self, name: str) -> float | None:
        """The mean of a metric after it."""
        return _mean(self.after, name)


def likeliest_cause(rows: Sequence[Row], best_step: int, actions: Sequence[str]) -> str:
    """The likeliest cause and a remedy, in one line, of a policy's fall since `best_step`.

    `rows` are a run's metrics. Of a run that ends flat `best_step` is 0: then its beginning is compared with
    its end.
    """
    updates = [row for row in rows if "kept_episodes" in row]
    window = max(FEWEST_ROWS, len(updates) // 4)
    before = [row for row in updates if (row["step"] or 0) <= best_step] or updates[:window]
    after = [row for row in updates if (row["step"] or 0) > best_step][-window:]
    if not after:
        return "nothing was logged since the best policy"
    evidence = Evidence(before, after, actions)
    found = (cause(evidence) for cause in CAUSES)
    return next((words for words in found if words), _nothing(evidence))


def ended_flat(rows: Sequence[Row]) -> bool:
    """Whether the held-out returns of the last half of a run's looks are no better than its beginning's.

    No better: their mean less the beginning's is within twice its own standard error, or below zero.
    """
    looks = [float(value) for row in rows if (value := row.get("eval/return")) is not None]
    later = looks[1 + len(looks[1:]) // 2 :]
    if not later:
        return False
    gain = fmean(later) - looks[0]
    error = stdev(later) / math.sqrt(len(later)) if len(later) > 1 else 0.0
    return gain <= 2 * error


def _mismatch(seen: Evidence) -> str | None:
    now, then = seen.now("engine_mismatch"), seen.then("engine_mismatch") or 0.0
    if now is None or not (now > 0.1 or (now > 0.02 and now > 3 * then)):
        return None
    return (
        f"the engine and the trainer disagree by {now:.2g} nats a token ({then:.2g} before); "
        "try --set mismatch=mask_tokens, or --engine transformers"
    )


def _undone(seen: Evidence) -> str | None:
    tried = [row for row in seen.after if row["kept_episodes"]]
    undone = sum(row.get("kl") is None for row in tried)
    if undone <= len(tried) / 2:
        return None
    return (
        f"{undone} of {len(tried)} updates were undone (not finite, or KL above max_kl); lower learning_rate"
    )


def _steps_too_large(seen: Evidence) -> str | None:
    now, then = seen.now("kl"), seen.then("kl") or 0.0
    if now is None or not (now > 0.2 or (now > 0.05 and now > 5 * then)):
        return None
    return (
        f"the updates are large, {now:.2g} nats a token each ({then:.2g} before); "
        "lower learning_rate, or epochs and minibatches"
    )


def _stale(seen: Evidence) -> str | None:
    now, then = seen.now("off_policy"), seen.then("off_policy") or 0.0
    if now is None or not now > 0.3:
        return None
    return (
        f"the policy moves by {now:.2g} nats a token ({then:.2g} before) while its next episodes are played; "
        "set staleness=0, or lower learning_rate"
    )


def _invalid(seen: Evidence) -> str | None:
    now, then = seen.now("invalid_rate"), seen.then("invalid_rate") or 0.0
    if now is None or now < 0.2 or (then > 0 and now < 1.5 * then and now < 0.8):
        return None
    return (
        f"{now:.0%} of the replies name no legal action ({then:.0%} before); "
        "raise format_penalty or max_new_tokens, or use --set decode=choice"
    )


def _one_action(seen: Evidence) -> str | None:
    now, then = seen.now("top_action_share"), seen.then("top_action_share") or 0.0
    if now is None or now < 0.9 or now - then < 0.1:
        return None
    top = seen.after[-1].get("top_action")
    name = repr(seen.actions[int(top)]) if top is not None and top < len(seen.actions) else "one action"
    return (
        f"the policy plays {name} {now:.0%} of the time ({then:.0%} before), whatever it sees; "
        f"set entropy_target={_half(seen)}, or lower learning_rate"
    )


def _no_entropy(seen: Evidence) -> str | None:
    now, then = seen.now("entropy"), seen.then("entropy")
    if now is None or then is None or not (now < 0.01 or now < 0.2 * then):
        return None
    return (
        f"the policy hardly explores any more: its entropy is {now:.2g} nats a token ({then:.2g} before); "
        f"set entropy_target={_half(seen)}, a higher temperature, or a lower learning_rate"
    )


def _nothing_to_compare(seen: Evidence) -> str | None:
    now, then = seen.now("informative_groups"), seen.then("informative_groups") or 0.0
    if now is None or now > 0.2:
        return None
    return (
        f"only {now:.0%} of the groups have returns that differ ({then:.0%} before): too little to learn "
        "from; set refill=3, a larger group_size, or start from an easier game"
    )


def _equal_returns(seen: Evidence) -> str | None:
    now, then = seen.now("return_std"), seen.then("return_std") or 0.0
    if now is None or now > 0.2 * then:
        return None
    return (
        f"the returns of a group hardly differ: deviation {now:.2g} ({then:.2g} before); "
        "set advantage_scale=none so that noise is not blown up, or a larger group_size"
    )


def _prompt_ignored(seen: Evidence) -> str | None:
    now, chosen = seen.now("mutual_information"), seen.now("action_entropy")
    if now is None or chosen is None or now > 0.05 * chosen:
        return None
    then = seen.then("mutual_information")
    was = "" if then is None else f" ({then:.2g} before)"
    return (
        f"the replies hardly depend on the prompt: of {chosen:.2g} nats {max(now, 0.0):.2g} are its"
        f"{was}; look at what it replies, and teach it by example first (arena sft)"
    )


# What explains the others stands first.
CAUSES: Sequence[Callable[[Evidence], str | None]] = (
    _mismatch,
    _undone,
    _steps_too_large,
    _stale,
    _invalid,
    _one_action,
    _no_entropy,
    _nothing_to_compare,
    _equal_returns,
    _prompt_ignored,
)


def _nothing(seen: Evidence) -> str:
    shown = [
        f"{label} {value:.2g}"
        for label, name in (
            ("entropy", "entropy"),
            ("KL", "kl"),
            ("informative groups", "informative_groups"),
        )
        if (value := seen.now(name)) is not None
    ]
    return (
        f"no sign stands out ({', '.join(shown)}); it may be chance: raise eval_episodes, or try another seed"
    )


def _half(seen: Evidence) -> str:
    """Half of the entropy that there was, as a target."""
    then = seen.then("entropy")
    return f"{0.5 * then:.2g}" if then else "0.1"


def _mean(rows: Sequence[Row], name: str) -> float | None:
    found = [value for row in rows if (value := row.get(name)) is not None]
    return fmean(found) if found else None
