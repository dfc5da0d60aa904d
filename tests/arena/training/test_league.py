"""A league: whom the policy meets, how it is known how it does, who enters, and that it goes on."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arena.match.episode import Step
from arena.match.seating import LEARNER
from arena.match.seeds import Split, episode_seed
from arena.match.versions import step_of
from arena.record.store import Store
from arena.tournament.teach import STORED, train
from arena.training.config import MsgrpoConfig
from arena.training.distributed.weights import TrainedWeights
from arena.training.language.guard import Guard
from arena.training.language.rollout import Rollout, Trajectory, paid_by_place
from arena.training.layers import resolve
from arena.training.league.draw import Draw, Opponents
from arena.training.league.entry import entry_matches, judge, losses, points, spread
from arena.training.league.mix import Mix, pfsp_weight, pool_weights
from arena.training.league.versions import HeldEngine
from arena.training.msgrpo.league import LeagueTraining
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config
from arena.training.sft.config import SftConfig
from arena_agents.base import Reply, Sampling
from arena_agents.engines.transformers import TransformersEngine
from arena_games.base import UsageError
from arena_games.registry import find_game
from arena_leaderboard import MatchResult
from tests.arena import my_games
from tests.arena.training.test_options import TINY, SeenEnoughError, metrics

PAIR = f"{my_games.__file__}:PAIR"
DUEL = find_game("snake-duel")
ENDS: Any = SimpleNamespace(eos_token_id=1)


# Whom it meets.


def test_who_still_wins_or_is_about_as_good_is_preferred() -> None:
    assert [pfsp_weight(x, "hard") for x in (0.0, 0.5, 1.0)] == [1.0, 0.25, 0.0]
    assert [pfsp_weight(x, "even") for x in (0.0, 0.5, 1.0)] == [0.0, 0.25, 0.0]
    assert [pfsp_weight(x, "uniform") for x in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]
    assert pool_weights(["a", "b"], {"a": 1.0, "b": 1.0}, "hard") == [1.0, 1.0]


def test_a_mix_is_read_and_a_wrong_one_is_told() -> None:
    assert Mix.parse("50/30/20") == Mix(0.5, 0.3, 0.2)
    assert Mix.parse("80/20") == Mix(0.8, 0.2, 0.0)
    for wrong in ("50/30", "100", "50/30/30", "a/b/c", "-10/60/50", "nan/1/99", ""):
        with pytest.raises(ValueError, match="latest/pool/anchors"):
            Mix.parse(wrong)
    with pytest.raises(UsageError, match="latest/pool/anchors"):
        resolve(MsgrpoConfig, {"game": "snake-duel", "agent": "nano", "league_mix": "1/2/3"})


def drawn(opponents: Opponents, **settings: Any) -> Draw:
    config = MsgrpoConfig(game="snake-duel", agent="nano", opponents="league", **settings)
    return Draw(DUEL, config, opponents)


def met(draw: Draw, starts: int = 3000) -> dict[str, float]:
    counts = Counter(draw.opponent(7, start) for start in range(starts))
    return {name: count / starts for name, count in counts.items()}


def test_the_mix_is_as_set_and_the_pool_by_its_win_rates() -> None:
    draw = drawn(Opponents(["random", "base"], ["step-000010", "step-000020"]), pfsp="hard")
    draw.win_rates = {"step-000010": 0.9, "step-000020": 0.5, "base": 0.75}
    shares = met(draw)
    assert shares[LEARNER] == pytest.approx(0.5, abs=0.04)
    assert shares["random"] == pytest.approx(0.2 * 0.8, abs=0.03)  # 0.5² to 0.25²
    hard = {10: 0.1**2, 20: 0.5**2}
    assert shares["step-000020"] == pytest.approx(0.3 * hard[20] / sum(hard.values()), abs=0.04)


def test_other_members_newest_versions_share_the_latest_part() -> None:
    shares = met(drawn(Opponents(["random"], ["b-000010"], ["b-000010"]), league_mix="60/0/40"))
    assert shares[LEARNER] == pytest.approx(0.3, abs=0.04)
    assert shares["b-000010"] == pytest.approx(0.3, abs=0.04)


def test_where_there_are_none_of_a_kind_another_stands_in() -> None:
    assert met(drawn(Opponents(["random"])))["random"] == pytest.approx(0.5, abs=0.04)
    assert met(drawn(Opponents([], ["step-000000"])))["step-000000"] == pytest.approx(0.5, abs=0.04)
    assert met(drawn(Opponents()), 50) == {LEARNER: 1.0}


def test_draws_repeat_and_differ_between_updates_and_runs() -> None:
    known = Opponents(["random"], ["step-000001", "step-000002"])
    seats = [
        [drawn(known, seed=seed).seating(step)(start) for start in range(30)]
        for seed, step in ((0, 3), (0, 3), (0, 4), (1, 3))
    ]
    assert seats[0] == seats[1]
    assert len({tuple(each) for each in seats}) == 3
    assert all(LEARNER in players for players in seats[0])


def test_win_rates_follow_from_what_is_logged() -> None:
    draw, again = drawn(Opponents(["random"])), drawn(Opponents(["random"]))
    won, tied = (Trajectory((), 0.0, False, ("learner", "random"), ahead) for ahead in (1.0, 0.5))
    mirror = Trajectory((), 0.0, True, ("learner", "learner"))
    logged = [draw.score(Rollout(((won, won), (mirror, mirror)))), draw.score(Rollout(((won, tied),)))]
    assert logged == [{"league/random": 1.0}, {"league/random": 0.75}]
    assert draw.win_rates == {"random": pytest.approx(0.8 * (0.8 * 0.5 + 0.2) + 0.2 * 0.75)}
    for row in logged:
        again.take_in({"step": 1, **row})
    assert again.win_rates == draw.win_rates
    again.take_in({"payoff/random": 0.25, "payoff/step-000000": None})
    assert again.win_rates == {"random": 0.25}


# Who enters.


@given(st.integers(0, 40), st.integers(1, 12))
def test_a_few_are_spread_over_all(count: int, most: int) -> None:
    names = [f"step-{step:06d}" for step in range(count)]
    few = spread(names, most)
    assert len(few) == min(count, most)
    assert few == sorted(set(few))
    assert not few or few[-1] == names[-1]
    assert most < 2 or not few or few[0] == names[0]


def test_the_newcomer_takes_every_seat_on_every_seed() -> None:
    matches = entry_matches(DUEL, "step-000002", ["random", "step-000001"], [5, 6])
    assert len({match.id for match in matches}) == 2 * 2 * 2
    assert Counter(match.players.index("step-000002") for match in matches) == {0: 4, 1: 4}


def result(one: str, other: str, seed: int, places: tuple[int, int]) -> MatchResult:
    return MatchResult(
        "g", seed, (one, other), places, (0.0, 0.0), (False, False), (0, 0), (1, 1), (0.0, 0.0)
    )


def test_points_are_means_over_the_seats_of_a_seed() -> None:
    results = [result("a", "b", 1, (1, 2)), result("b", "a", 1, (1, 1)), result("a", "b", 0, (2, 1))]
    assert points(results, "a") == {"b": [0.0, 0.75]}
    assert points(results, "b") == {"a": [1.0, 0.25]}


def entered(shares: list[tuple[int, int]], *, entry: int = 2) -> Any:
    results = [result("new", "old", seed, places) for seed, places in enumerate(shares)]
    results += [result("new", "old", 99, (1, 2))] * 50  # of other entries: they rate, but do not judge
    return judge(results, "new", range(len(shares)), ["old"], entry)


def test_a_loss_to_its_own_past_beyond_chance_is_forgetting() -> None:
    assert entered([(2, 1)] * 12 + [(1, 2)]).lost_to == ("old",)
    assert entered([(2, 1)] * 7 + [(1, 2)] * 6).lost_to == ()
    assert entered([(2, 1)] * 3).lost_to == ("old",)  # all lost, and nothing else was ever seen
    assert entered([(1, 2)] * 12).leads
    assert entered([(1, 2)] * 12).shares == {"old": 1.0}


def test_who_forgets_nothing_is_hardly_ever_told_that_it_did() -> None:
    generator = torch.Generator().manual_seed(0)
    told = 0
    for _ in range(1000):
        won = torch.rand(3, 12, 2, generator=generator).round().mean(dim=2)
        told += bool(losses({f"old-{i}": row for i, row in enumerate(won.tolist())}, 1))
    assert told <= 12  # of the run's 1 % the first entry may spend half


def test_the_guard_steps_back_from_what_forgot_and_keeps_what_leads() -> None:
    guard = Guard(0.0, 1000.0, 0, 0.5)
    ahead, seen = guard.entered(10, 1100.0, leads=True, forgot=False)
    assert (ahead.best_step, ahead.best, seen) == (10, 1100.0, "best")
    back, seen = ahead.entered(20, 1200.0, leads=True, forgot=True)
    assert (back.best_step, back.rollbacks, back.rate_scale, seen) == (10, 1, 0.5, "collapse")
    again, _ = back.entered(30, 1200.0, leads=True, forgot=False)
    assert (again.best_step, again.rate_scale) == (30, 1.0)


def test_only_versions_of_the_member_have_steps() -> None:
    assert step_of("a-000010", "a") == 10
    assert [step_of(name, "a") for name in ("b-000010", "a-10", "a-000010.new", "random")] == [None] * 4


def test_a_held_version_replies_as_its_own_model_and_leaves_no_trace(tiny_model: Any) -> None:
    trained = TrainedWeights(tiny_model, rate=1e-3, weight_decay=0.0)
    version = {name: weight + 0.3 * torch.randn_like(weight) for name, weight in trained.copy().items()}
    before = trained.copy()
    held = HeldEngine(TransformersEngine(tiny_model, ENDS), trained, version)
    prompts, sampling = [(2, 3, 4), (5, 6)], Sampling(max_new_tokens=5, stop=())
    drawn_held = held.generate(prompts, sampling, [1, 2])
    assert all(torch.equal(before[name], weight) for name, weight in trained.copy().items())
    own = TransformersEngine(tiny_model, ENDS).generate(prompts, sampling, [1, 2])
    with trained.holding(version):
        alone = TransformersEngine(tiny_model, ENDS).generate(prompts, sampling, [1, 2])
    assert drawn_held == alone != own


def test_a_seat_that_is_paid_by_place_gets_it_at_its_last_step() -> None:
    def stepped(seat: int, invalid: str | None) -> Step:
        return Step(seat, None, Reply(""), 0, invalid, 7.0)  # type: ignore[arg-type]

    steps = (stepped(1, None), stepped(1, "no"), stepped(1, None))
    for places, paid in (((1, 2, 3), 0.0), ((3, 1, 2), 1.0), ((1, 1, 1), 0.0), ((1, 3, 3), -0.5)):
        episode: Any = SimpleNamespace(placements=places)
        (one,) = paid_by_place([Trajectory(steps, 21.0, True)], [episode], 0.25)
        assert [step.reward for step in one.steps] == [0.0, -0.25, paid]
        assert one.total == paid - 0.25


# A run.

LEAGUE = [
    *(*TINY, "baseline=seat_ema", "learning_rate=0.003"),  # nano calls one side: within a group all is equal
    *("league_every=1", "league_mix=0/100/0", "league_seeds=2", "opponents=league"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("league")
    return train(PAIR, "nano", out=folder / "whole", seed=0, settings=LEAGUE)


def versions(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "league").glob("step-*"))


def matches(run: Path) -> list[tuple[str, tuple[int, ...]]]:
    with Store.read(run / "league") as store:
        return [(one.id, one.placements) for one in store.summaries()]


def test_a_league_stores_rates_and_meets_its_past(whole: Path) -> None:
    assert versions(whole) == ["step-000000", "step-000001", "step-000002"]
    rows = metrics(whole)
    assert rows[0]["rating"] is not None
    assert {"payoff/random", "payoff/step-000000", "rating_low"} <= rows[1].keys()
    assert "league/step-000000" in rows[1]
    with Store.read(whole / "league") as store:
        results = store.results()
    assert {player for each in results for player in each.players} == {"random", *versions(whole)}
    assert len(results) == 2 * 2 * (1 + 2 + 3)  # seeds × seats × raters of each version
    trained_on = {episode_seed(Split.TRAIN, 0, step, b) for step in (1, 2) for b in range(3)}
    assert trained_on.isdisjoint(each.seed for each in results)
    assert (whole / "best" / "agent.json").is_file()
    assert (
        len({(whole / "league" / name / "model.safetensors").read_bytes() for name in versions(whole)}) == 3
    )


def test_what_forgot_its_past_is_undone_and_the_run_says_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its matches are said to be lost to the start; what it was stays in the pool all the same."""
    config = new_config({"game": PAIR, "agent": "nano", "seed": 0}, LEAGUE, None)
    notes: list[str] = []
    reporter: Any = SimpleNamespace(update=lambda *_: None, note=notes.append)
    run = RunFolder.create(tmp_path / "run", config)
    training = LeagueTraining(config, run, reporter, None, around=STORED)  # type: ignore[arg-type]
    training.start()
    start, rate = training.learner.trained.copy(), training.guard.rate_scale

    def lost(*given: Any) -> Any:
        return replace(judge(*given), lost_to=("step-000000",), leads=False)

    monkeypatch.setattr("arena.training.league.run.judge", lost)
    row = training.update(1)
    training.close()
    assert (row["rollbacks"], training.guard.rate_scale) == (1, rate / 2)
    assert "step 1: forgot how to beat step-000000" in notes[-2]
    assert "stepped back to the policy of step 0" in notes[-2]
    assert "likeliest cause" in notes[-1]
    assert all(torch.equal(start[name], now) for name, now in training.learner.trained.copy().items())
    entered = (run.path / "league" / "step-000001" / "model.safetensors").read_bytes()
    assert entered != (run.path / "league" / "step-000000" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("at", [0, 2])
def test_a_league_goes_on_after_an_interruption_as_if_undisturbed(
    whole: Path, tmp_path: Path, at: int
) -> None:
    def stop(row: dict[str, Any]) -> None:
        if row["step"] == at:
            raise SeenEnoughError

    with pytest.raises(SeenEnoughError):
        train(PAIR, "nano", out=tmp_path / "cut", seed=0, settings=LEAGUE, on_step=stop)
    cut = train(resume=tmp_path / "cut", trust=True)
    assert metrics(cut) == metrics(whole)
    assert sorted(matches(cut)) == sorted(matches(whole))
    for name in ("league/step-000002", "best", "last"):
        file = f"{name}/model.safetensors"
        assert (cut / file).read_bytes() == (whole / file).read_bytes()


def test_both_seats_are_trained_where_the_learner_holds_both(tmp_path: Path) -> None:
    settings = [*LEAGUE, "steps=1", "league_mix=100/0/0", "keep=1.0", "anchors=[]"]
    rows = metrics(train(PAIR, "nano", out=tmp_path / "run", seed=0, settings=settings))
    assert rows[1]["kept_episodes"] == 2 * 3 * 4  # seats × groups × group size
    assert {"baseline/seat_0", "baseline/seat_1"} <= rows[1].keys()
    assert rows[1]["episodes"] == 3 * 4


def test_a_frozen_seat_is_held_and_not_trained(tmp_path: Path) -> None:
    settings = [*LEAGUE, "steps=1", "league_mix=100/0/0", "keep=1.0", "frozen_seats=[0]"]
    rows = metrics(train(PAIR, "nano", out=tmp_path / "run", seed=0, settings=settings))
    assert rows[1]["kept_episodes"] == 3 * 4  # groups × group size, of one seat
    assert {"baseline/seat_1"} == {name for name in rows[1] if name.startswith("baseline/")}
    with pytest.raises(UsageError, match="no open seat is left"):
        train(PAIR, "nano", out=tmp_path / "none", settings=[*LEAGUE, "frozen_seats=[0, 1]"])
    assert not (tmp_path / "none").exists()


def test_adapters_enter_and_are_met_on_one_base_model(tmp_path: Path) -> None:
    settings = [*LEAGUE, "lora_rank=2"]
    run = train(PAIR, "nano", out=tmp_path / "run", seed=0, settings=settings)
    adapters = [run / "league" / name / "adapter_model.safetensors" for name in versions(run)]
    assert len({adapter.read_bytes() for adapter in adapters}) == 3
    assert not (run / "league" / "step-000000" / "model.safetensors").exists()
    rows = metrics(run)
    assert "league/step-000001" in rows[2] or "league/step-000000" in rows[2]


def test_hours_pause_a_run_and_resuming_it_ends_it(whole: Path, tmp_path: Path) -> None:
    run = train(PAIR, "nano", out=tmp_path / "run", seed=0, settings=[*LEAGUE, "hours=0.000001"])
    assert [row["step"] for row in metrics(run)] == [0, 1]
    assert not (run / "last").exists()
    train(resume=run, trust=True, settings=["hours=9"])
    assert metrics(run) == metrics(whole)


def test_who_cannot_have_a_league_is_told_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.training.language.training.load_model", None)
    for game, settings, words in (
        ("snake", ["opponents=league"], "one open seat"),
        ("snake-duel", ["opponents=league", 'anchors=["nobody"]'], "unknown agent"),
        ("snake-duel", ["opponents=league", 'anchors=["cfr:2"]'], "name other anchors"),
    ):
        with pytest.raises(UsageError, match=words):
            train(game, "nano", out=tmp_path / "run", settings=settings)
        assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="name others"):
        resolve(
            SftConfig, {"game": "snake-duel", "agent": "nano", "teacher": "search", "opponents": "league"}
        )
    assert math.isfinite(Guard(0.0, 0.0, 0, 0.5).rate_scale)
