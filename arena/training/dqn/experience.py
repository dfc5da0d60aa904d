"""Play for Q-learning: ε-greedy exploration, and what an episode holds for the learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from arena.match.episode import Episode, Step
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import LEARNER, Seating
from arena.match.seeds import Split, episode_seed
from arena_agents.base import Agent, Reply
from arena_agents.dqn.agent import DqnPolicy
from arena_games.base import GameSpec, Observation, UsageError


class EpsilonGreedyAgent(Agent):
    """The policy's best action, or with probability ε any legal one.

    What is drawn comes from the observation, so an episode can be repeated.
    """

    name = LEARNER

    def __init__(self, policy: DqnPolicy, epsilon: float) -> None:
        self.policy, self.epsilon = policy, epsilon

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        greedy = self.policy.choose(observations)
        actions = [self._explored(seen, action) for seen, action in zip(observations, greedy, strict=True)]
        named = zip(observations, actions, strict=True)
        return [self.policy.reply(seen, action) for seen, action in named]

    def _explored(self, seen: Observation, action: int) -> int:
        if not self.epsilon:
            return action
        rng = seen.rng()
        return int(rng.choice(seen.legal)) if rng.random() < self.epsilon else action


def play_round(
    spec: GameSpec,
    seeds: Sequence[int],
    policy: DqnPolicy,
    epsilon: float,
    seating: Seating,
    others: Mapping[str, Agent],
) -> list[Episode]:
    """One match from each seed; `others` are the agents that may sit beside the learner.

    A match that the game or an opponent failed is left out. Raises UsageError if none is left.
    """
    matches = [Match(spec, seed, seating(i)) for i, seed in enumerate(seeds)]
    agents = {**others, LEARNER: EpsilonGreedyAgent(policy, epsilon)}
    episodes = list(play(matches, agents, MatchConfig(concurrency=len(matches))))
    rated = [episode for episode in episodes if not episode.failed]
    if not rated:
        raise UsageError(
            f"no match of {spec.name} could be played ({episodes[0].detail}); "
            f"try arena check-game, or other --opponents"
        )
    return rated


def learner_seats(episode: Episode) -> list[int]:
    return [seat for seat, player in enumerate(episode.players) if player == LEARNER]


def learner_steps(episode: Episode) -> list[tuple[Step, ...]]:
    """The decisions of each seat that the learner held."""
    return [episode.steps_of(seat) for seat in learner_seats(episode)]


@dataclass(frozen=True, slots=True)
class Score:
    """Means over episodes and over the learner's seats in them."""

    mean_return: float
    success: float


def score(episodes: Sequence[Episode]) -> Score:
    seats = [(episode, seat) for episode in episodes for seat in learner_seats(episode)]
    return Score(
        mean_return=fmean(episode.returns[seat] for episode, seat in seats),
        success=fmean(episode.successes[seat] for episode, seat in seats),
    )


def training_seeds(seed: int, step: int, count: int) -> list[int]:
    """Start seeds of a round; no two rounds of a run share one."""
    return [episode_seed(Split.TRAIN, seed, step, i) for i in range(count)]


def validation_seeds(count: int) -> list[int]:
    """Start seeds of held-out episodes, the same in every run."""
    return [episode_seed(Split.VALIDATION, 0, i) for i in range(count)]
