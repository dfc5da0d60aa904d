"""Two agents play Snake against each other, and their results are ranked."""

from arena import Match, MatchResult, find_game, make_agent, play
from arena_leaderboard import standings

duel = find_game("snake-duel")
agents = {name: make_agent(name) for name in ("search", "random")}

# Each seed is played twice, so that each agent holds each seat.
line_ups = [("search", "random"), ("random", "search")]
matches = [Match(duel, seed, players) for seed in range(10) for players in line_ups]
episodes = list(play(matches, agents))

first = episodes[0]
print(first.steps[0].observation.text)
print("search says", first.steps[0].reply.text)

results = [
    MatchResult(
        game=episode.game,
        seed=episode.seed,
        players=episode.players,
        placements=episode.placements,
        returns=episode.returns,
        successes=episode.successes,
        invalid=tuple(sum(step.invalid is not None for step in episode.steps_of(seat)) for seat in (0, 1)),
        decisions=tuple(len(episode.steps_of(seat)) for seat in (0, 1)),
        seconds=tuple(sum(step.seconds for step in episode.steps_of(seat)) for seat in (0, 1)),
    )
    for episode in episodes
]
for standing in standings(results).overall:
    rating = standing.rating
    print(f"{standing.agent}: {rating.mean:.0f} ({rating.low:.0f} to {rating.high:.0f})")
