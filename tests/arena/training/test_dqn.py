"""DQN: the formulas against naive loops, and that it learns, repeats and resumes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from arena.match.episode import Step
from arena.match.seating import held_out_seating, opponent_agents
from arena.match.seeds import Split, episode_seed
from arena.training.dqn.config import DqnConfig, dqn_preset
from arena.training.dqn.experience import play_round, score
from arena.training.dqn.q_learning import Learner, double_dqn_targets
from arena.training.dqn.replay_buffer import Batch, ReplayBuffer, n_step_returns
from arena.training.dqn.train import train_dqn
from arena.training.run_folder import RunFolder
from arena_agents.base import Reply
from arena_agents.dqn.agent import DqnAgent, DqnCard, DqnPolicy, greedy_actions
from arena_agents.dqn.window import visible, windows
from arena_agents.policy import load_policy
from arena_games.base import Observation, UsageError
from arena_games.frozen_lake.env import frozen_lake_spec
from arena_games.frozen_lake.rules import FrozenLakeConfig
from arena_games.registry import find_game

POND = frozen_lake_spec("pond", FrozenLakeConfig(size=3, horizon=6))
SHORT = {
    "game": "pond",
    "steps": 8,
    "episodes": 16,
    "updates": 4,
    "warmup": 1,
    "batch_size": 16,
    "capacity": 500,
    "hidden": 16,
    "target_every": 5,
    "eval_every": 2,
    "eval_episodes": 8,
    "checkpoint_every": 3,
}
CARD = DqnCard(game="pond", planes=(4, 3, 3), actions=POND.action_names, radius=2, hidden=8)


class Silent:
    def update(self, step: int, row: dict[str, float | int | None]) -> None: ...

    def note(self, text: str) -> None: ...


def seen(grid: np.ndarray, legal: tuple[int, ...] = (0, 1, 2, 3), game: str = "pond") -> Observation:
    return Observation(game=game, seat=0, turn=0, text="", legal=legal, grid=grid.astype(np.float32))


def random_batch(rng: np.random.Generator, size: int = 32, actions: int = 4) -> Batch:
    """A batch of `CARD`'s boards; every third episode has ended."""
    onward_M = np.flatnonzero(np.arange(size) % 3)
    legal_MA = rng.random((len(onward_M), actions)) < 0.5
    legal_MA[:, 0] |= ~legal_MA.any(1)
    seen_N = [windows(visible(random_grids(rng, rows)), CARD.radius) for rows in (size, len(onward_M))]
    return Batch(
        windows_BN=torch.from_numpy(seen_N[0]),
        actions_B=torch.from_numpy(rng.integers(actions, size=size)),
        returns_B=torch.from_numpy(rng.normal(size=size).astype(np.float32)),
        onward_M=torch.from_numpy(onward_M),
        next_windows_MN=torch.from_numpy(seen_N[1]),
        next_legal_MA=torch.from_numpy(legal_MA),
        discount=0.9,
    )


def random_grids(rng: np.random.Generator, rows: int) -> np.ndarray:
    grids = rng.random((rows, *CARD.planes)).astype(np.float32)
    return np.where(grids < 0.6, 0, grids).astype(np.float32)


def metrics(run: RunFolder) -> list[dict[str, float]]:
    """The rows of a run without what depends on the machine's speed."""
    return [{k: v for k, v in row.items() if not k.startswith("seconds")} for row in run.metrics()]


def trained(path: Path, **settings: object) -> RunFolder:
    config = DqnConfig.model_validate({**SHORT, **settings})
    run = RunFolder.create(path, config)
    train_dqn(config, run, Silent(), spec=POND)
    return run


def naive_target(batch: Batch, online_MA: torch.Tensor, target_MA: torch.Tensor, row: int) -> torch.Tensor:
    """van Hasselt 2016, eq. (4), of one transition."""
    if row not in batch.onward_M:
        return batch.returns_B[row]
    after = batch.onward_M.tolist().index(row)
    legal = [a for a in range(4) if batch.next_legal_MA[after, a]]
    best = max(legal, key=lambda a: float(online_MA[after, a]))
    return batch.returns_B[row] + batch.discount * target_MA[after, best]


def test_double_dqn_targets_match_a_naive_loop() -> None:
    rng = np.random.default_rng(0)
    batch = random_batch(rng)
    online, target = torch.from_numpy(rng.normal(size=(2, len(batch.onward_M), 4)).astype(np.float32))
    computed = double_dqn_targets(batch, online, target)
    for row in range(32):
        assert float(computed[row]) == pytest.approx(float(naive_target(batch, online, target, row)))


def test_illegal_actions_are_not_bootstrapped_from() -> None:
    batch = random_batch(np.random.default_rng(1))
    values = torch.zeros(batch.next_legal_MA.shape).masked_fill(~batch.next_legal_MA, 1e6)
    assert torch.equal(double_dqn_targets(batch, values, values), batch.returns_B)


def test_updates_are_those_of_the_formula_one_transition_at_a_time() -> None:
    """The plain computation: a loop over transitions, PyTorch's own AdamW, no clipping in effect."""
    rng = np.random.default_rng(6)
    batches = [random_batch(rng) for _ in range(5)]
    config = DqnConfig.model_validate({**SHORT, "target_every": 1000})
    learner = Learner(DqnPolicy.fresh(CARD, seed=1), DqnPolicy.fresh(CARD, seed=2), config)
    plain, frozen = (DqnPolicy.fresh(CARD, seed=1).network for _ in range(2))
    adam = torch.optim.AdamW(plain.parameters(), 1e-3, weight_decay=config.weight_decay, foreach=False)
    for batch in batches:
        with torch.no_grad():
            online, target = plain(batch.next_windows_MN), frozen(batch.next_windows_MN)
        errors = [
            plain(batch.windows_BN[row : row + 1])[0, batch.actions_B[row]]
            - naive_target(batch, online, target, row)
            for row in range(32)
        ]
        loss = sum(0.5 * e**2 if e.abs() < 1 else e.abs() - 0.5 for e in errors) / 32
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert learner.learn([batch], 1e-3).loss == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(learner.policy.network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_illegal_actions_are_never_chosen() -> None:
    rng = np.random.default_rng(2)
    legal_BA = torch.from_numpy(rng.random((500, 4)) < 0.5)
    legal_BA[:, 3] |= ~legal_BA.any(1)
    chosen_B = greedy_actions(torch.from_numpy(rng.normal(size=(500, 4))), legal_BA)
    assert legal_BA.gather(1, chosen_B[:, None]).all()
    agent = DqnAgent({"pond": DqnPolicy.fresh(CARD, seed=0)})
    for action, name in enumerate(POND.action_names):
        boards = [seen(rng.random((4, 3, 3)), legal=(action,)) for _ in range(20)]
        assert {reply.text for reply in agent.act(boards)} == {f"<action>{name}</action>"}


@pytest.mark.parametrize("n", [1, 3, 10])
def test_n_step_returns_match_a_naive_loop(n: int) -> None:
    rewards = np.random.default_rng(n).normal(size=7)
    naive = [sum(0.9**k * rewards[t + k] for k in range(n) if t + k < 7) for t in range(7)]
    assert n_step_returns(rewards.tolist(), n, 0.9) == pytest.approx(naive, rel=1e-6)


def test_replayed_transitions_are_those_of_the_episodes_even_after_the_ring_has_wrapped() -> None:
    """Each decision writes its own number into its grid, so that transitions can be traced back."""
    card = DqnCard(game="", planes=(1, 2, 2), actions=("a", "b"), radius=1, hidden=1)
    buffer = ReplayBuffer(card, 50, n_step=2, discount=0.5)
    rewards: dict[int, float] = {}
    ends: set[int] = set()
    rng, number = np.random.default_rng(3), 0
    for length in rng.integers(1, 9, size=40):
        steps = []
        for _ in range(length):
            number += 1
            rewards[number] = float(rng.integers(-1, 2))
            board = seen(np.full((1, 2, 2), number), legal=(0, 1))
            steps.append(Step(0, board, Reply(""), number % 2, None, rewards[number]))
        ends.add(number)
        buffer.add(steps)
    batch = buffer.sample(500, rng)
    following = dict(zip(batch.onward_M.tolist(), numbers(batch.next_windows_MN), strict=True))
    for row, now in enumerate(numbers(batch.windows_BN)):
        assert number - 50 < now <= number
        assert batch.actions_B[row] == now % 2
        last = now in ends
        assert batch.returns_B[row] == rewards[now] + (0 if last else 0.5 * rewards[now + 1])
        assert following.get(row) == (None if last or now + 1 in ends else now + 2)
    assert batch.discount == 0.25


def numbers(windows_BN: torch.Tensor) -> list[int]:
    """What was written into the grids, read back from the middle of windows of one plane and radius 1."""
    seen_B = windows_BN.view(-1, 3, 3, 2)[:, 1, 1, 0]
    return ((2 * seen_B - 1) ** 2).round().int().tolist()


def test_a_policy_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    policy = DqnPolicy.fresh(CARD, seed=4)
    policy.save(tmp_path)
    agent = load_policy(tmp_path)
    assert isinstance(agent, DqnAgent)
    seen_BN = torch.rand(5, 125)
    assert torch.equal(agent.policies["pond"].network(seen_BN), policy.network(seen_BN))
    assert json.loads((tmp_path / "agent.json").read_text())["kind"] == "dqn"


def test_a_fresh_network_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two = DqnPolicy.fresh(CARD, seed=1), DqnPolicy.fresh(CARD, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.network.value.weight, two.network.value.weight)


@pytest.mark.parametrize("card", ["{", "[]", '{"kind": "chess"}', '{"kind": "dqn", "version": 9}'])
def test_a_bad_policy_folder_is_one_line_for_the_user(tmp_path: Path, card: str) -> None:
    with pytest.raises(UsageError, match="holds no policy"):
        load_policy(tmp_path)
    (tmp_path / "agent.json").write_text(card)
    with pytest.raises(UsageError) as caught:
        load_policy(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_game_or_board_is_an_error_reply_with_its_remedy() -> None:
    agent = DqnAgent({"pond": DqnPolicy.fresh(CARD, seed=0)})
    unknown, good, odd = agent.act(
        [seen(np.zeros((1, 1, 1)), game="chess"), seen(np.zeros((4, 3, 3))), seen(np.zeros((4, 9, 9)))]
    )
    assert unknown.error == "dqn has no policy for chess; train one with arena train chess --agent dqn"
    assert good.error is None
    assert odd.error is not None
    assert "train it again" in odd.error


@pytest.mark.parametrize("opponents", ["house", "search"])
def test_a_versus_game_trains_in_both_seatings(tmp_path: Path, opponents: str) -> None:
    settings = {**SHORT, "game": "snake-duel", "steps": 2, "episodes": 4, "opponents": opponents}
    config = DqnConfig.model_validate(settings)
    run = RunFolder.create(tmp_path, config)
    train_dqn(config, run, Silent())
    assert run.metrics()[-1]["eval/return"] is not None


def test_it_learns_a_pond(tmp_path: Path) -> None:
    run = trained(tmp_path, steps=40, updates=16, batch_size=64, hidden=64, eval_every=20, eval_episodes=100)
    assert run.metrics()[-1]["eval/success"] >= 0.9


def test_the_same_seed_is_the_same_run(tmp_path: Path) -> None:
    first, second = trained(tmp_path / "a"), trained(tmp_path / "b")
    assert metrics(first) == metrics(second)
    assert metrics(first) != metrics(trained(tmp_path / "c", seed=1))


KILLED = """
import json, os, signal, sys
from pathlib import Path
from arena.training.dqn.train import train_dqn
from arena.training.dqn.config import DqnConfig
from arena.training.run_folder import RunFolder
from arena_games.frozen_lake.env import frozen_lake_spec
from arena_games.frozen_lake.rules import FrozenLakeConfig

class Killer:
    def update(self, step, row):
        if step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

config = DqnConfig.model_validate(json.loads(sys.argv[2]))
pond = frozen_lake_spec("pond", FrozenLakeConfig(size=3, horizon=6))
train_dqn(config, RunFolder.create(Path(sys.argv[1]), config), Killer(), spec=pond)
"""


def test_killed_and_resumed_is_the_same_run(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "cut"), json.dumps(SHORT)])
    assert killed.returncode == -9
    cut = RunFolder.open(tmp_path / "cut")
    assert len(cut.metrics()) == 5
    train_dqn(DqnConfig.model_validate(SHORT), cut, Silent(), spec=POND)
    assert metrics(cut) == metrics(whole)
    for name in ("best", "last"):
        weights = [(run.path / name / "model.safetensors").read_bytes() for run in (whole, cut)]
        assert weights[0] == weights[1]


def test_an_unreadable_checkpoint_is_one_line_for_the_user(tmp_path: Path) -> None:
    run = trained(tmp_path)
    found = run.latest_checkpoint()
    assert found is not None
    (found[1] / "state.safetensors").write_bytes(b"no")
    with pytest.raises(UsageError, match="cannot read checkpoint"):
        train_dqn(DqnConfig.model_validate(SHORT), run, Silent(), spec=POND)


@pytest.mark.slow
@pytest.mark.parametrize(("game", "bar"), [("frozen-lake", 0.9), ("snake", 6.0)])
def test_the_defaults_reach_the_bar_on_held_out_games(tmp_path: Path, game: str, bar: float) -> None:
    config = DqnConfig.model_validate({"game": game, **dqn_preset(game)})
    run = RunFolder.create(tmp_path, config)
    train_dqn(config, run, Silent())
    policy = DqnPolicy.load(tmp_path / "best")
    seeds = [episode_seed(Split.TEST, 0, i) for i in range(200)]
    spec = find_game(game)
    others = opponent_agents(spec, "house")
    episodes = play_round(spec, seeds, policy, 0.0, held_out_seating(spec, "house"), others)
    assert score(episodes).mean_return >= bar
