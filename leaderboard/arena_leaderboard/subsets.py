"""Does the order hang on one game? Ranks over all games, and with each game left out in turn."""

from collections.abc import Iterable, Sequence

from arena_leaderboard.model.game_weights import Family, Weights, itself
from arena_leaderboard.model.ranks import Ranks
from arena_leaderboard.model.ratings import ratings
from arena_leaderboard.results import MatchResult


def ranks_without_a_game(
    results: Iterable[MatchResult], *, weights: Weights = "game", family: Family = itself
) -> dict[str, Ranks]:
    """The best and the worst rank of each agent over all games and over all but one; empty for a single game.

    Ranks are places in the order of the ratings, of agents that are rated in every such selection of games.
    They say nothing of chance: for that there is `Standing.ranks`. `weights` and `family` are those of
    `standings`.
    """
    results = list(results)
    games = sorted({result.game for result in results if result.rated})
    if len(games) < 2:
        return {}
    selections = [[result for result in results if result.game != left_out] for left_out in (None, *games)]
    orders = [_order(selection, weights, family) for selection in selections]
    everywhere = set.intersection(*map(set, orders))
    kept = [[agent for agent in order if agent in everywhere] for order in orders]
    places = {agent: [1 + order.index(agent) for order in kept] for agent in kept[0]}
    return {agent: (min(ranks), max(ranks)) for agent, ranks in places.items()}


def _order(results: Sequence[MatchResult], weights: Weights, family: Family) -> list[str]:
    """The rated agents, best first; equals by name."""
    found = ratings(results, bootstraps=1, weights=weights, family=family)
    return sorted(found, key=lambda agent: (-found[agent].mean, agent))
