"""Who is settled to beat whom, and cycles among them: a beats b, b beats c, c beats a.

Ratings put agents on one line, which a cycle is not on. A pair is settled where Wilson's interval of its
share of points lies above one half at the level that all pairs share (Bonferroni), so that a table of equal
agents names a cycle about as often as it should: hardly ever.
"""

from collections import deque
from collections.abc import Mapping, Sequence

from arena_leaderboard.head_to_head import HeadToHead
from arena_leaderboard.model.means import share_interval

ALPHA = 0.05  # of all pairs together

Beats = Mapping[str, Sequence[str]]


def settled(found: HeadToHead) -> dict[str, tuple[str, ...]]:
    """Whom each agent is settled to beat, over all games."""
    duels, agents = found.overall, found.agents
    met = [(i, j) for i in range(len(agents)) for j in range(len(agents)) if duels.meetings[i][j]]
    level = 1 - ALPHA / max(len(met) / 2, 1)

    def beats(i: int, j: int) -> bool:
        share, meetings = duels.shares[i][j], duels.meetings[i][j]
        return share is not None and share_interval(share * meetings, meetings, level)[0] > 0.5

    return {agents[i]: tuple(agents[j] for k, j in met if k == i and beats(i, j)) for i in range(len(agents))}


def cycles(beats: Beats) -> list[tuple[str, ...]]:
    """A shortest cycle through each agent that is on one, each cycle once, the shortest first.

    Each begins with its first agent in the order of `beats`.
    """
    order = {agent: place for place, agent in enumerate(beats)}
    found = {_turned(cycle, order) for agent in beats if (cycle := _shortest(agent, beats))}
    return sorted(found, key=lambda cycle: (len(cycle), [order[agent] for agent in cycle]))


def _shortest(start: str, beats: Beats) -> tuple[str, ...] | None:
    """From `start` back to it by the fewest wins; None if there is no way back."""
    paths: deque[tuple[str, ...]] = deque([(start,)])
    seen = {start}
    while paths:
        path = paths.popleft()
        for beaten in beats.get(path[-1], ()):
            if beaten == start:
                return path
            if beaten not in seen:
                seen.add(beaten)
                paths.append((*path, beaten))
    return None


def _turned(cycle: tuple[str, ...], order: Mapping[str, int]) -> tuple[str, ...]:
    first = min(range(len(cycle)), key=lambda place: order[cycle[place]])
    return (*cycle[first:], *cycle[:first])
