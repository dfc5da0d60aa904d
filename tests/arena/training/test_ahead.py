"""One-step-off: whose episodes an update learns from, what they are weighed by, and when nothing is ahead."""

from __future__ import annotations

import json
import math
import random
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from arena.match.episode import Step
from arena.tournament.teach import train as train_stored
from arena.training.language.guard import Guard
from arena.training.language.rollout import Rollout, Trajectory
from arena.training.msgrpo.ahead import Ahead, Played, updates_behind
from arena.training.msgrpo.loss import Objective, weighted_loss
from arena.training.msgrpo.mismatch import with_trainer_logprobs
from arena.training.msgrpo.training import MsgrpoTraining
from arena.training.run_folder import RunFolder
from arena.training.settings import new_config
from arena.training.start import train
from arena_agents import Observation, Reply, TokenSample
from arena_agents.address import Address
from arena_agents.api.client import ServerClient
from arena_agents.api.settings import Settings
from arena_agents.base import Sampling
from arena_agents.engines.vllm_server import ServerEngine
from tests.agents.api.openai_server import hangs, lists, serving
from tests.arena import my_games
from tests.arena.training.test_mismatch import token_batch
from tests.arena.training.test_options import COIN, SeenEnoughError, metrics
from tests.arena.training.test_sync import CopyEngine, Silent

PAIR = f"{my_games.__file__}:PAIR"
STALE = [
    *("staleness=1", "steps=5", "checkpoint_every=3", "groups=3", "group_size=4", "keep=1.0"),
    *("eval_every=9", "eval_episodes=1", "confirm_episodes=0", "warmup=0", "learning_rate=0.003"),
    *("lora_rank=4", "baseline=seat_ema", "max_new_tokens=8"),
]


def test_the_decoupled_objective_against_a_naive_loop() -> None:
    """Three policies: μ played, π_old is where the update begins, π_θ where it is."""
    batch, lengths = token_batch(random.Random(7))
    noise, shape = torch.Generator().manual_seed(7), (5, max(lengths))
    old_UK = -3 * torch.rand(shape, generator=noise)
    theta_UK = (old_UK + 0.5 * torch.randn(shape, generator=noise)).clamp(max=0).requires_grad_()
    weighed, _ = with_trainer_logprobs(batch, old_UK, cap=2.0)
    given = (weighed.old_logprobs_NK, None, weighed.loss_weights_NK, batch.advantages_N)
    loss, _ = weighted_loss(theta_UK[batch.sequence_N], *given, Objective())
    (gradient_UK,) = torch.autograd.grad(loss, theta_UK)
    expected, slopes = 0.0, torch.zeros(shape)
    clipped = truncated = 0
    for n, u in enumerate(batch.sequence_N.tolist()):
        advantage = float(batch.advantages_N[n])
        for k in range(lengths[u]):
            mu, old, theta = (
                float(x) for x in (batch.old_logprobs_NK[n, k], old_UK[u, k], theta_UK[u, k].detach())
            )
            importance, ratio = math.exp(old - mu), math.exp(theta - old)
            within = min(max(ratio, 0.8), 1.2)
            weight = float(batch.weights_NK[n, k]) * min(importance, 2.0)
            expected -= weight * min(ratio * advantage, within * advantage)
            moves = ratio * advantage <= within * advantage
            slopes[u, k] -= weight * ratio * advantage * moves
            clipped, truncated = clipped + (not moves), truncated + (importance > 2.0)
    assert min(clipped, truncated) > 0
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert torch.allclose(gradient_UK, slopes, atol=1e-5)


def test_in_expectation_old_episodes_have_the_gradient_of_new_ones() -> None:
    """Every token of a vocabulary, as often as μ draws it: Σ μ (π/μ) A ∇ log π is that of π's own draws."""
    draw = torch.Generator().manual_seed(1)
    theta, mu = (torch.randn(6, generator=draw, dtype=torch.float64) for _ in range(2))
    theta.requires_grad_()
    advantages, behaviour = torch.randn(6, generator=draw, dtype=torch.float64), mu.softmax(0)
    logprobs = theta.log_softmax(0)
    batch: Any = SimpleNamespace(weights_NK=behaviour[:, None], sequence_N=torch.arange(6))
    found = {}
    for name, log_mu in (("weighed", mu.log_softmax(0)), ("not weighed", logprobs.detach())):
        apart = torch.exp(logprobs.detach() - log_mu)
        loss, _ = weighted_loss(
            logprobs[:, None],
            logprobs.detach()[:, None],
            None,
            batch.weights_NK * apart[:, None],
            advantages,
            Objective(),
        )
        (found[name],) = torch.autograd.grad(loss, theta, retain_graph=True)
    (wanted,) = torch.autograd.grad(-(logprobs.exp() * advantages).sum(), theta)
    assert torch.allclose(found["weighed"], wanted, atol=1e-12)
    assert not torch.allclose(found["not weighed"], wanted, atol=1e-3)


def played(*versions: int | None) -> Rollout:
    samples = [None if v is None else TokenSample((1,), (2,), (-0.1,), v) for v in versions]
    steps = tuple(Step(0, Observation("g", 0, 0, "t", (0,)), Reply("", s), 0, None, 0.0) for s in samples)
    return Rollout(((Trajectory(steps, 0.0, False),),))


def test_the_oldest_sample_says_how_far_behind_a_rollout_is() -> None:
    assert updates_behind(played(4, 4), 5) == 0
    assert updates_behind(played(4, None, 3, 4), 5) == 1
    assert updates_behind(Rollout(()), 5) == 0


@pytest.mark.parametrize("beside", [False, True])
def test_what_is_played_ahead_is_taken_once(beside: bool) -> None:
    ahead, where = Ahead(beside=beside), []

    def play() -> Played:
        where.append(threading.current_thread() is threading.main_thread())
        return Played(played(3), 1, 4, 0.5)

    assert ahead.take() is None
    ahead.begin(play)
    ahead.wait()
    taken = ahead.take()
    assert taken is not None
    assert taken.episodes == 4
    assert (ahead.take(), where) == (None, [not beside])
    ahead.close()


def test_what_playing_raises_is_raised_where_it_is_waited_for() -> None:
    ahead = Ahead(beside=True)
    ahead.begin(lambda: (_ for _ in ()).throw(SeenEnoughError))  # type: ignore[arg-type]
    with pytest.raises(SeenEnoughError):
        ahead.wait()
    ahead.close()


@pytest.mark.timeout(120)
def test_a_run_that_ends_does_not_wait_for_a_server() -> None:
    ahead, asked = Ahead(beside=True), threading.Event()
    with serving(hangs, models=lists("base", owner="vllm")) as server:
        client = ServerClient(Address("base", server.url), Settings(deadline_s=600.0))
        engine = ServerEngine(client, "base")

        def play() -> Any:
            asked.set()
            return engine.generate([[1]], Sampling(), [0])

        ahead.begin(play)
        asked.wait(60)
        engine.close()
        ahead.close()


# Runs.


def behind(run: Path) -> list[Any]:
    return [row.get("staleness") for row in metrics(run)[1:]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ahead") / "whole"
    return train(COIN, "nano", out=out, seed=0, settings=STALE)


def test_each_update_learns_from_the_policy_before_the_last_one_but_never_over_a_checkpoint(
    whole: Path,
) -> None:
    assert behind(whole) == [0, 1, 1, 0, 1]
    rows = metrics(whole)
    assert [row["episodes"] for row in rows] == [12 * step for step in range(6)]
    for row in rows[1:]:
        assert (row.get("off_policy") is not None) == (row["staleness"] == 1)
        assert row["engine_mismatch"] is None  # this engine is the trainer's own model
    moved = [row["off_policy"] for row in rows[1:] if row["staleness"]]
    assert all(0 < apart < 0.5 for apart in moved)


@pytest.mark.parametrize("at", [2, 4])
def test_it_goes_on_after_an_interruption_as_if_undisturbed(whole: Path, tmp_path: Path, at: int) -> None:
    def stop(row: dict[str, Any]) -> None:
        if row["step"] == at:
            raise SeenEnoughError

    with pytest.raises(SeenEnoughError):
        train(COIN, "nano", out=tmp_path / "cut", seed=0, settings=STALE, on_step=stop)
    cut = train(resume=tmp_path / "cut", trust=True)
    assert metrics(cut) == metrics(whole)
    file = "last/adapter_model.safetensors"
    assert (cut / file).read_bytes() == (whole / file).read_bytes()


def test_an_engine_that_plays_beside_the_update_gives_the_same_run(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()

    class Beside(CopyEngine):
        def generate(self, *given: Any, **more: Any) -> Any:
            threads.add(threading.current_thread().name)
            return super().generate(*given, **more)

    monkeypatch.setattr(
        "arena.training.language.training.training_engine", lambda learner, *_: Beside(learner.config)
    )
    run = train(COIN, "nano@http://127.0.0.1:9/v1", out=tmp_path / "run", seed=0, settings=STALE)
    assert any(name.startswith("arena rollout") for name in threads)
    assert behind(run) == behind(whole)
    for own, other in zip(metrics(run)[1:], metrics(whole)[1:], strict=True):
        assert own["train/return"] == other["train/return"]
        for name in ("kl", "entropy", *(["off_policy"] if own["staleness"] else [])):
            assert own[name] == pytest.approx(other[name], abs=1e-4)


def test_what_a_collapsed_policy_has_played_ahead_is_not_learned_from(tmp_path: Path) -> None:
    given = {"game": COIN, "agent": "nano", "seed": 0}
    config = new_config(given, [*STALE, "eval_every=1", "eval_episodes=8", "checkpoint_every=9"], None)
    training = MsgrpoTraining(config, RunFolder.create(tmp_path / "run", config), Silent(), None)  # type: ignore[arg-type]
    training.start()
    training.guard = Guard(base=0.0, best=9.0, best_step=0, drop=0.5, best_returns=[9.0] * 8)
    first = training.update(1)
    assert (first["rollbacks"], first["episodes"]) == (1, 24)  # what was thrown away was played too
    training.guard = Guard(base=0.0, best=0.0, best_step=0, drop=0.5, best_returns=[0.0] * 8)
    assert [training.update(step)["staleness"] for step in (2, 3)] == [0, 1]
    training.close()


def test_a_league_may_be_one_step_off_too(tmp_path: Path) -> None:
    """Whom the next rollout meets is drawn when it begins: before this update's shares are taken in."""
    settings = [*STALE, "opponents=league", "league_every=2", "league_seeds=1", "league_mix=20/60/20"]
    settings += ["steps=4", "checkpoint_every=2", "groups=2"]

    def stop(row: dict[str, Any]) -> None:
        if row["step"] == 3:
            raise SeenEnoughError

    whole = train_stored(PAIR, "nano", out=tmp_path / "whole", seed=0, settings=settings)
    with pytest.raises(SeenEnoughError):
        train_stored(PAIR, "nano", out=tmp_path / "cut", seed=0, settings=settings, on_step=stop)
    cut = train_stored(resume=tmp_path / "cut", trust=True)
    assert behind(whole) == [0, 1, 0, 1]
    assert metrics(cut) == metrics(whole)


def test_by_default_nothing_is_played_ahead(tmp_path: Path) -> None:
    settings = [s for s in STALE if not s.startswith("staleness")]
    run = train(COIN, "nano", out=tmp_path / "run", seed=0, steps=2, settings=settings)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all("staleness" not in row and "off_policy" not in row for row in rows)
