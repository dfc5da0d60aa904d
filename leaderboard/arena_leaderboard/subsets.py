"""Does the order hang on one game? Ranks over all games, and with each game left out in turn."""

from collections.abc import Iterable, Mapping

from arena_leaderboard.model.game_weights import Family, Weights, game_shares, itself
from arena_leaderboard.model.ranks import Ranks
from arena_leaderboard.results import MatchResult
from arena_leaderboard.sums import GameSums, added_up, by_seed, fit_of


def ranks_without_a_game(
    results: Iterable[MatchResult], *, weights: Weights = "game", family: Family = itself
) -> dict[str, Ranks]:
    """The best and the worst rank of each agent over all games and over all but one; empty for a single game.

    Ranks are places in the order of the ratings, of agents that are rated in every such selection of games.
    They say nothing of chance: for that there is `Standing.ranks`. `weights` and `family` are those of
    `standings`.
    """
    return ranks_without_a_game_of(added_up(by_seed(results)), weights=weights, family=family)


def ranks_without_a_game_of(
    sums: Mapping[str, GameSums], *, weights: Weights = "game", family: Family = itself
) -> dict[str, Ranks]:
    """The same from what was added up of each game, in the order of their names."""
    games = {game: of for game, of in sums.items() if of.rated.results}
    if len(games) < 2:
        return {}
    selections = [{game: games[game] for game in games if game != left_out} for left_out in (None, *games)]
    orders = [_order(selection, weights, family) for selection in selections]
    everywhere = set.intersection(*map(set, orders))
    kept = [[agent for agent in order if agent in everywhere] for order in orders]
    places = {agent: [1 + order.index(agent) for order in kept] for agent in kept[0]}
    return {agent: (min(ranks), max(ranks)) for agent, ranks in places.items()}


def _order(games: Mapping[str, GameSums], weights: Weights, family: Family) -> list[str]:
    """The rated agents, best first; equals by name."""
    played = {game: of.rated.matches.total() for game, of in games.items()}
    shares = list(game_shares(played, weights, family).values())
    fit = fit_of([of.rated for of in games.values()], shares, bootstraps=1, seed=0)
    found = {} if fit is None else {agent: fit.rating(agent).mean for agent in fit.agents}
    return sorted(found, key=lambda agent: (-found[agent], agent))
