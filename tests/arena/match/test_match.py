"""play(): episodes do not depend on each other, and each failure is charged to the right one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from arena.match.episode import EndReason, Episode
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import house_agents, seated
from arena_agents import Agent
from arena_games.base import GameSpec, Invalid, Observation
from arena_games.registry import find_game, game_specs
from tests.arena import players

SNAKE, DUEL, LAKE = find_game("snake"), find_game("snake-duel"), find_game("frozen-lake")


def match(spec: GameSpec, seed: int, *names: str, repeat: int = 0) -> Match:
    return Match(spec, seed, seated(spec, names or ("a",) * len(spec.open_seats)), repeat)


def played(matches: list[Match], agents: dict[str, Agent], **config: Any) -> list[Episode]:
    """The episodes in the order of the matches."""
    house = house_agents({m.spec.name: m.spec for m in matches}.values())
    by_id = {episode.id: episode for episode in play(matches, {**agents, **house}, MatchConfig(**config))}
    return [by_id[m.id] for m in matches]


def record(episode: Episode) -> Any:
    """All that may not depend on company: everything but the time taken."""
    steps = [
        (s.seat, s.observation.text, s.observation.seed, s.reply.text, s.action, s.invalid, s.reward)
        for s in episode.steps
    ]
    return replace(episode, steps=()), steps


@pytest.mark.parametrize("spec", game_specs(), ids=lambda spec: spec.name)
def test_an_episode_is_the_same_alone_and_in_company(spec: GameSpec) -> None:
    agents: dict[str, Agent] = {"a": players.Seeded()}
    (alone,) = played([match(spec, 7)], agents)
    crowd = [match(spec, seed) for seed in range(30)] + [match(LAKE, seed) for seed in range(20)]
    crowded = {e.id: e for e in played(crowd, agents, concurrency=11)}
    assert _comparable(alone) == _comparable(crowded[alone.id])


def _comparable(episode: Episode) -> Any:
    bare, steps = record(episode)
    return bare.id, bare.players, bare.returns, bare.placements, bare.successes, bare.end, steps


def test_repeats_differ_in_decisions_but_not_in_the_start() -> None:
    one, two = played([match(SNAKE, 3), match(SNAKE, 3, repeat=1)], {"a": players.Seeded()})
    assert one.steps[0].observation.text == two.steps[0].observation.text
    assert one.steps[0].observation.seed != two.steps[0].observation.seed


@pytest.mark.parametrize("spec", game_specs(), ids=lambda spec: spec.name)
def test_returns_are_the_sums_of_rewards_of_each_seat(spec: GameSpec) -> None:
    for episode in played([match(spec, seed) for seed in range(20)], {"a": players.Seeded()}):
        for seat, total in enumerate(episode.returns):
            assert sum(step.reward for step in episode.steps_of(seat)) == pytest.approx(total)


@pytest.mark.parametrize("spec", [SNAKE, DUEL], ids=lambda spec: spec.name)
def test_returns_are_what_the_environment_paid(spec: GameSpec) -> None:
    for episode in played([match(spec, seed) for seed in range(20)], {"a": players.Seeded()}):
        assert episode.returns == pytest.approx(_paid(spec, episode))


def _paid(spec: GameSpec, episode: Episode) -> list[float]:
    """What AEC's own cumulative rewards come to when the same actions are played."""
    env, actions = spec.make_env(), iter(episode.steps)
    env.reset(seed=episode.seed)
    paid = [0.0] * spec.seats
    for agent in env.agent_iter():
        _, reward, terminated, truncated, _ = env.last()
        paid[env.possible_agents.index(agent)] += reward
        env.step(None if terminated or truncated else next(actions).action)
    return paid


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        (players.Raises(), "RuntimeError: no more ideas"),
        (players.Exits(), "SystemExit: good bye"),
        (players.TooFew(), "0 replies for 1"),
        (players.NoList(), "not NoneType"),
        (players.Strings(), "not str"),
        (players.Says(None), "not NoneType"),
        (players.Says(b"up"), "not bytes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failing_agent_costs_its_own_matches_only(agent: Agent, says: str) -> None:
    agents = {"bad": agent, "good": players.First()}
    matches = [match(SNAKE, s, name) for s in range(5) for name in ("bad", "good")]
    for episode in played(matches, agents):
        if "bad" in episode.players and episode.end != EndReason.FINISHED:
            assert episode.end == EndReason.FORFEIT
            assert episode.failed
            assert episode.placements == (2, 1)
            assert episode.successes == (False, False)
            assert episode.culprit == "bad"
            assert says in str(episode.detail)
            assert "\n" not in str(episode.detail)
        elif "good" in episode.players:
            assert episode.end.rated
            assert not episode.failed
    assert any(e.failed for e in played(matches, agents))


def test_an_agent_that_never_returns_is_given_up_once() -> None:
    agents = {"bad": players.Hangs(), "good": players.First()}
    matches = [match(DUEL, s, *names) for s in range(10) for names in (("bad", "good"), ("good", "good"))]
    for episode in played(matches, agents, deadline_s=0.3, concurrency=4):
        assert episode.end == (EndReason.FORFEIT if "bad" in episode.players else episode.end)
        assert episode.culprit == ("bad" if "bad" in episode.players else None)


def test_an_invalid_reply_plays_a_seeded_legal_action_and_costs_the_penalty() -> None:
    agents: dict[str, Agent] = {"a": players.Says("no tag")}
    free, paying = (played([match(LAKE, 5)], agents, format_penalty=p)[0] for p in (0.0, 1.0))
    assert [step.action for step in free.steps] == [step.action for step in paying.steps]
    assert all(step.invalid and step.action in step.observation.legal for step in free.steps)
    assert paying.returns[0] == free.returns[0] - len(free.steps)
    actions = {step.action for e in played([match(LAKE, s) for s in range(9)], agents) for step in e.steps}
    assert len(actions) == 4, "the action played for an invalid reply is not always the same"


def test_too_many_invalid_replies_forfeit_the_match() -> None:
    agents = {"bad": players.Says(), "good": players.Seeded()}
    (episode,) = played([match(DUEL, 1, "good", "bad")], agents, max_invalid=1)
    assert episode.end == EndReason.FORFEIT
    assert episode.end.rated
    assert episode.culprit == "bad"
    assert episode.placements == (1, 2)
    assert episode.successes == (True, False)


@pytest.mark.parametrize("method", ["reset", "observe", "step"])
def test_a_broken_game_is_the_games_fault(method: str) -> None:
    def broken_env() -> Any:
        env = SNAKE.make_env()

        def fail(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("in the game")

        setattr(env, method, fail)
        return env

    broken = replace(SNAKE, name="snake", make_env=broken_env)
    (episode,) = played([match(broken, 1)], {"a": players.First()})
    assert episode.end == EndReason.GAME_ERROR
    assert episode.culprit is None
    assert "ZeroDivisionError: in the game" in str(episode.detail)


def test_a_parser_that_raises_is_the_games_fault() -> None:
    def parse(text: str, observation: Observation) -> int | Invalid:
        raise KeyError(text)

    (episode,) = played([match(replace(SNAKE, parse=parse), 1)], {"a": players.First()})
    assert episode.end == EndReason.GAME_ERROR


@pytest.mark.parametrize(("field", "value"), [("horizon", 3)])
def test_a_game_that_does_not_end_is_cut_as_its_own_fault(field: str, value: int) -> None:
    endless = replace(DUEL, **{field: value})
    episodes = played([match(endless, seed) for seed in range(20)], {"a": players.Seeded()})
    assert any(e.end == EndReason.GAME_ERROR and "horizon" in str(e.detail) for e in episodes)


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_is_the_games_fault(reward: float) -> None:
    def paying_env() -> Any:
        env = LAKE.make_env()
        env.resolve_as_usual = env.resolve
        env.resolve = lambda moves: dict.fromkeys(env.resolve_as_usual(moves), reward)
        return env

    (episode,) = played([match(replace(LAKE, make_env=paying_env), 1)], {"a": players.First()})
    assert episode.end == EndReason.GAME_ERROR
    assert episode.returns == (0.0,)


def test_a_match_without_its_player_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        played([match(LAKE, 1, "nobody")], {"a": players.First()})
