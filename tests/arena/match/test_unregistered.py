"""A game that no registry knows is played from Python: an observation carries what agents need of it."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from arena.match.episode import Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena_agents import Agent, Observation
from arena_agents.base import Sampling
from arena_agents.language.agent import load_language_agent
from arena_agents.random import RandomAgent
from arena_agents.search import SearchAgent
from arena_games.frozen_lake.env import frozen_lake_spec
from arena_games.frozen_lake.rules import FrozenLakeConfig
from arena_games.registry import find_game
from tests.arena.my_agent import Mine
from tests.arena.my_games import ALONE, PAIR

LONG_LAKE = frozen_lake_spec("long-lake", FrozenLakeConfig(size=6, horizon=14))


def episode(match: Match, agent: Agent) -> Episode:
    (played,) = play([match], dict.fromkeys(match.players, agent))
    assert played.end.rated, played.detail
    return played


@pytest.mark.parametrize("agent", [RandomAgent(), Mine()], ids=lambda agent: type(agent).__name__)
def test_agents_name_its_actions(agent: Agent) -> None:
    steps = episode(Match(PAIR, 3, ("a", "b")), agent).steps
    assert len(steps) == 6
    assert all(step.invalid is None for step in steps)


def test_a_language_agent_is_prompted_with_its_rules() -> None:
    nano = load_language_agent("nano", sampling=Sampling(max_new_tokens=4))
    step = episode(Match(ALONE, 3, ("nano",)), nano).steps[0]
    assert step.reply.sample is not None
    prompt = nano.tokenizer.decode(nano.prompt_ids(step.observation))
    assert list(step.reply.sample.prompt_ids) == list(nano.prompt_ids(step.observation))
    assert "A coin shows" in prompt
    (system, _) = nano.template.messages(step.observation.known_spec(), step.observation)
    assert "Name the side that the coin shows." in system["content"]
    assert "- heads: call heads" in system["content"]


def test_search_reads_the_config_of_a_scenario_of_ones_own() -> None:
    matches = [Match(LONG_LAKE, seed, ("search",)) for seed in range(20)]
    assert all(done.successes == (True,) for done in play(matches, {"search": SearchAgent()}))


def test_games_of_one_name_are_played_side_by_side() -> None:
    """Neither environments nor prompts of one are used for the other."""
    small = replace(find_game("frozen-lake"), name="lake")
    large = replace(LONG_LAKE, name="lake")
    matches = [Match(spec, seed, ("a",)) for seed in range(6) for spec in (small, large)]
    for done in play(matches, {"a": RandomAgent()}, MatchConfig(concurrency=2)):
        size = {spec.horizon: text for spec, text in ((small, "4x4"), (large, "6x6"))}
        asked = done.steps[0].observation
        assert size[asked.known_spec().horizon] in asked.text


def test_an_observation_goes_to_other_processes_without_the_games_code() -> None:
    seen = episode(Match(PAIR, 3, ("a", "b")), RandomAgent()).steps[0].observation
    there = pickle.loads(pickle.dumps(seen))
    assert (there.spec, there.text, there.legal_names) == (None, seen.text, ("heads", "tails"))
    assert (there.grid == seen.grid).all()
    assert there.rng().random() == seen.rng().random()


def test_agents_that_need_the_game_say_so_where_it_is_missing() -> None:
    (played,) = play([Match(PAIR, 3, ("a", "b"))], dict.fromkeys("ab", _Forgets()))
    assert played.detail == "LookupError: this observation of 'coin' does not carry its game: set `spec`"


class _Forgets(RandomAgent):
    def choose(self, observation: Observation) -> str:
        return super().choose(replace(observation, spec=None))
