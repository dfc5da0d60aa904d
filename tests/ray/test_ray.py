"""Who plays on a Ray cluster plays what one process plays; machines and workers may go."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from arena.tournament.executor.on_ray import OnRay
from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena_games.base import UsageError
from tests.arena.tournament.test_crash import board, contents

ray = pytest.importorskip("ray", reason="make test-ray has an environment for it")
os.environ.setdefault("RAY_worker_niceness", "0")  # on a busy machine workers would hardly ever run
GAMES, AGENTS = "frozen-lake,snake-duel", "a=random,b=random,c=search"


def hold(out: Path, matches: int, **how: Any) -> None:
    run(Tournament.of(GAMES, AGENTS, out, seed=3, matches=matches), **how)


def check_same(tmp_path: Path, matches: int) -> None:
    hold(tmp_path / "alone", matches, workers=1)
    assert contents(tmp_path / "ray") == contents(tmp_path / "alone")
    assert board(tmp_path / "ray") == board(tmp_path / "alone")


def test_a_cluster_of_this_machine_whose_workers_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    heard = OnRay._heard

    def and_kill(self: OnRay, promise: Any, supply: Any) -> Any:
        yield from heard(self, promise, supply)
        alive = [actor for actor, _ in self._given.values() if actor in self._actors]
        if len(killed) < 2 and alive:
            with suppress(ray.exceptions.RayError):  # it may be the one that was killed before
                killed.append(ray.get(alive[0].process.remote()))
                os.kill(killed[-1], signal.SIGKILL)

    monkeypatch.setattr(OnRay, "_heard", and_kill)
    hold(tmp_path / "ray", 24, ray="local", workers=2)
    assert len(killed) == 2
    check_same(tmp_path, 24)


@pytest.mark.slow
def test_two_nodes_of_which_one_goes(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        other = cluster.add_node(num_cpus=2)
        cluster.wait_for_nodes()

        def lose_it() -> None:
            while not (tmp_path / "ray" / "run.sqlite").exists():
                time.sleep(0.1)
            time.sleep(5)
            cluster.remove_node(other, allow_graceful=False)

        loser = threading.Thread(target=lose_it)
        loser.start()
        hold(tmp_path / "ray", 200, ray=cluster.address, workers=2)
        loser.join()
    finally:
        ray.shutdown()
        cluster.shutdown()
    check_same(tmp_path, 200)


def test_an_address_where_nobody_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no Ray cluster at nowhere:1"):
        hold(tmp_path, 2, ray="nowhere:1")
