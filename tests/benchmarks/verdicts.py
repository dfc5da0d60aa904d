"""How often a leaderboard says what is not so: simulated tournaments of four kinds, whose truth is known.

    python -m tests.benchmarks.verdicts --tournaments 1000

Each kind has five agents, and one group of equals among them. What may be wrong, in one tournament:

verdict   some pair of equals is called separated by a tournament that plays on until neighbours are, at the
          level of its looks (three looks, each with as many new seeds as were played before)
≈         some two equals that stand next to each other lack the mark, after the first look
ranks     some agent's rank interval does not hold a rank that is its own: equals share their ranks
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from arena_leaderboard import Difference, Fit, MatchResult, share_ci95
from arena_leaderboard.model.looks import level, stretched
from arena_leaderboard.model.ranks import rank_ranges
from arena_leaderboard.model.ratings import LEVEL, fit_ratings
from tests.leaderboard.simulate import single, versus

AGENTS = ("a", "b", "c", "d", "e")
LOOKS = 3
SEEDS = 20  # of the first look
BOOTSTRAPS = 200
KINDS = {  # strengths of the five, and how many games of which kind
    "five equals, one duel": (0.0, 0.0, 0.0, 0.0, 0.0),
    "two leaders, four games": (0.8, 0.8, 0.0, -0.6, -1.0),
    "three in the middle, a royale": (1.0, 0.0, 0.0, 0.0, -1.0),
    "two at the end, one seat a game": (1.2, 0.6, 0.0, -1.2, -1.2),
}


@dataclass(frozen=True)
class Wrong:
    """What one tournament says wrongly."""

    verdict: bool
    mark: bool
    ranks: bool


def played(kind: str, first: int, seeds: int, generator: np.random.Generator) -> list[MatchResult]:
    """The results of so many seeds, from a seed on."""
    strength = dict(zip(AGENTS, KINDS[kind], strict=True))
    makers: dict[str, Sequence[Callable[..., list[MatchResult]]]] = {
        "five equals, one duel": (duels,),
        "two leaders, four games": (duels, royale, lake, apples),
        "three in the middle, a royale": (royale,),
        "two at the end, one seat a game": (lake, apples),
    }
    return [
        result
        for make in makers[kind]
        for seed in range(first, first + seeds)
        for result in make(strength, seed, generator)
    ]


def duels(strength: dict[str, float], seed: int, generator: np.random.Generator) -> list[MatchResult]:
    """All pairs in both seat orders; the seed favours a seat, and close ones tie."""
    favour = 0.3 + generator.normal(scale=0.7)

    def match(one: str, other: str) -> MatchResult:
        lead = strength[one] - strength[other] + favour + generator.logistic()
        return versus(
            "duel", seed, (one, other), (1, 1) if abs(lead) < 0.4 else (1, 2) if lead > 0 else (2, 1)
        )

    return [match(*pair) for pair in permutations(AGENTS, 2)]


def royale(strength: dict[str, float], seed: int, generator: np.random.Generator) -> list[MatchResult]:
    """All fours, by Plackett and Luce, rounded so that some tie."""
    found = []
    for line_up in combinations(AGENTS, 4):
        lasted = np.round(1.5 * (np.array([strength[agent] for agent in line_up]) + generator.gumbel(size=4)))
        found.append(versus("royale", seed, line_up, [1 + int((lasted > own).sum()) for own in lasted]))
    return found


def lake(strength: dict[str, float], seed: int, generator: np.random.Generator) -> list[MatchResult]:
    """Success or none, on a map that is easy or hard for all."""
    ease = generator.normal(scale=1.5)
    return [
        single("lake", seed, agent, float(generator.logistic() < strength[agent] + ease)) for agent in AGENTS
    ]


def apples(strength: dict[str, float], seed: int, generator: np.random.Generator) -> list[MatchResult]:
    """A few apples, of a seed that is rich or poor for all."""
    ease = generator.normal(scale=0.6)

    def eaten(agent: str) -> float:
        return float(min(generator.poisson(np.exp(0.3 + 0.4 * strength[agent] + ease)), 5))

    return [single("apples", seed, agent, eaten(agent)) for agent in AGENTS]


def judged(task: tuple[str, int]) -> Wrong:
    """One tournament, played on for as long as neighbours are tied."""
    kind, number = task
    generator = np.random.default_rng([number, *kind.encode()])
    strength = dict(zip(AGENTS, KINDS[kind], strict=True))

    def equal(one: str, other: str) -> bool:
        return strength[one] == strength[other]

    fit = fitted(results := played(kind, 0, SEEDS, generator))
    mark = any(gap.separated and equal(gap.above, gap.below) for gap in neighbours(fit))
    ranks = any(
        found[0] > 1 + sum(other > strength[agent] for other in strength.values())
        or found[1] < sum(other >= strength[agent] for other in strength.values())
        for agent, found in rank_ranges(fit, LEVEL).items()
    )
    return Wrong(_wrong_verdict(kind, results, fit, equal, generator), mark, ranks)


def fitted(results: list[MatchResult]) -> Fit:
    """The fit over all games, as a leaderboard's."""
    fit = fit_ratings(results, bootstraps=BOOTSTRAPS)
    assert fit is not None
    return fit


def neighbours(fit: Fit) -> list[Difference]:
    """By how much each rank leads the next."""
    order = sorted(fit.agents, key=lambda agent: (-fit.rating(agent).mean, agent))
    return [fit.difference(*pair) for pair in pairwise(order)]


def _wrong_verdict(
    kind: str,
    results: list[MatchResult],
    fit: Fit,
    equal: Callable[[str, str], bool],
    generator: np.random.Generator,
) -> bool:
    for look in range(1, LOOKS + 1):
        gaps = neighbours(fit)
        apart = [gap for gap in gaps if stretched(gap, level(look)).separated]
        if any(equal(gap.above, gap.below) for gap in apart):
            return True
        if len(apart) == len(gaps) or look == LOOKS:
            return False
        seeds = SEEDS * 2 ** (look - 1)
        results = [*results, *played(kind, seeds, seeds, generator)]
        fit = fitted(results)
    raise AssertionError("the last look ends it")


def main() -> None:
    """Print the shares of tournaments that say something wrong, with Wilson's 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tournaments", type=int, default=1000, help="of each kind")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a JSON file of the counts too")
    asked = parser.parse_args()
    counts = {}
    print(
        f"| {asked.tournaments} tournaments of each kind | verdict | ≈ | ranks |\n| --- | --- | --- | --- |"
    )
    with Pool(asked.workers) as pool:
        for kind in KINDS:
            tasks = [(kind, number) for number in range(asked.tournaments)]
            found = pool.map(judged, tasks, chunksize=10)
            names = ("verdict", "mark", "ranks")
            counts[kind] = {name: sum(getattr(one, name) for one in found) for name in names}
            cells = []
            for wrong in counts[kind].values():
                low, high = share_ci95(wrong, asked.tournaments)
                cells.append(f"{100 * wrong / asked.tournaments:.1f} % ({100 * low:.1f} … {100 * high:.1f})")
            print(f"| {kind} | {' | '.join(cells)} |", flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"tournaments": asked.tournaments, "wrong": counts}, indent=2) + "\n")


if __name__ == "__main__":
    main()
