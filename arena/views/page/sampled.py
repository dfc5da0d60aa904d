"""The episodes that a training kept, as the page's player reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arena.training.sampled import SampledEpisode, SampledStep
from arena.untrusted import escaped_line
from arena.views.page.replays import BUDGET, Archive, cost
from arena.views.terminal.sampled import sampled_replay
from arena_games.base import points

LONGEST_TOKEN = 60  # characters of one that the page carries
TOKEN_COST = 40  # bytes of a token's numbers, an upper estimate
MOST_UPDATES = 40


def sampled_archive(episodes: Sequence[SampledEpisode], budget: int = BUDGET) -> dict[str, Any]:
    """The episodes of at most about `MOST_UPDATES` updates, evenly chosen, the newest first, as many as fit.

    Their numbers are those of `arena replay`.
    """
    updates = sorted({one.step for one in episodes}, reverse=True)
    wanted = {*updates[:: -(-len(updates) // MOST_UPDATES) or 1], *updates[-1:]}
    collected = Archive(budget)
    for number in range(len(episodes), 0, -1):
        if episodes[number - 1].step in wanted:
            _add(collected, number, episodes[number - 1])
    return collected.to_json()


def _add(collected: Archive, number: int, sampled: SampledEpisode) -> None:
    """Take in an episode if there is still room for it."""
    replay = sampled_replay(sampled)
    tokens = [token for step in sampled.steps for token in step.tokens]
    if not collected.reserve(cost(replay.episode) + sum(TOKEN_COST + len(token.text) for token in tokens)):
        return
    facts = {
        "number": number,
        "title": f"update {sampled.step}, return {points(sampled.total)} (episode {number})",
        "why": "",
        "position": 0,
        "placements": ["–"] * len(sampled.players),
        "ending": sampled.outcome,
    }
    collected.put(replay, facts, [_learned(step) for step in sampled.steps])


def _learned(step: SampledStep) -> dict[str, Any]:
    """What a decision was credited with, and its tokens as (text, log-probability, mismatch)."""
    tokens = [[escaped_line(one.text, LONGEST_TOKEN), one.logprob, one.mismatch] for one in step.tokens]
    return {"advantage": step.advantage, "tokens": tokens}
