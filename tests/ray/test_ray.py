"""Who plays on a Ray cluster plays what one process plays; machines and workers may go."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from arena.tournament.plan import Tournament
from arena.tournament.run import run
from arena_games.base import UsageError
from tests.arena.tournament.test_crash import board, contents, stored

ray = pytest.importorskip("ray", reason="make test-ray has an environment for it")
os.environ.setdefault("RAY_worker_niceness", "0")  # on a busy machine workers would hardly ever run
PATIENCE_S = 120
GONE = r"^the Ray cluster at .* is gone.* repeat the command to go on"
GAMES, AGENTS = "frozen-lake,snake-duel", "a=random,b=random,c=search"


def hold(out: Path, matches: int, **how: Any) -> None:
    run(Tournament.of(GAMES, AGENTS, out, seed=3, matches=matches), **how)


def check_same(tmp_path: Path, matches: int) -> None:
    hold(tmp_path / "alone", matches, workers=1)
    assert contents(tmp_path / "ray") == contents(tmp_path / "alone")
    assert board(tmp_path / "ray") == board(tmp_path / "alone")


def running(what: str) -> list[psutil.Process]:
    """The processes below this one, those of its cluster too, with so much in their command."""
    return [one for one in psutil.Process().children(recursive=True) if what in command(one)]


def command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""


def test_a_cluster_of_this_machine_whose_workers_are_killed(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill() -> None:
        until = time.monotonic() + PATIENCE_S
        while len(killed) < 2 and time.monotonic() < until:
            for process in running("Player")[:1]:
                with suppress(psutil.Error):
                    process.kill()
                    killed.append(process.pid)
            time.sleep(0.2)

    thread = when_it_plays(tmp_path / "ray", kill)
    hold(tmp_path / "ray", 200, ray="local", workers=2)
    thread.join(PATIENCE_S)
    assert len(killed) == 2
    check_same(tmp_path, 200)


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    ray.shutdown()
    made.shutdown()


def when_it_plays(out: Path, then: Callable[[], object]) -> threading.Thread:
    """Do so from a thread as soon as the first episodes are stored."""

    def wait() -> None:
        until = time.monotonic() + PATIENCE_S
        while not stored(out):
            assert time.monotonic() < until
            time.sleep(0.1)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_cluster_whose_head_is_killed_is_one_line_and_can_be_done_without(
    tmp_path: Path, cluster: Any
) -> None:
    def kill() -> None:
        cluster.head_node.kill_raylet()
        cluster.head_node.kill_gcs_server()

    thread = when_it_plays(tmp_path / "ray", kill)
    with pytest.raises(UsageError, match=GONE):
        hold(tmp_path / "ray", 200, ray=cluster.address)
    thread.join(PATIENCE_S)
    assert 0 < stored(tmp_path / "ray") < 3 * 200
    hold(tmp_path / "ray", 200, workers=1)
    check_same(tmp_path, 200)


def test_what_ray_does_to_the_process_that_uses_it_is_one_line_too(tmp_path: Path, cluster: Any) -> None:
    def kill() -> None:
        (driver,) = running("executor.driver")
        driver.kill()

    thread = when_it_plays(tmp_path / "ray", kill)
    with pytest.raises(UsageError, match=GONE):
        hold(tmp_path / "ray", 200, ray=cluster.address)
    thread.join(PATIENCE_S)


def test_more_workers_than_there_are_cores_hold_nobody_up(tmp_path: Path, cluster: Any) -> None:
    hold(tmp_path / "ray", 6, ray=cluster.address, workers=3)
    check_same(tmp_path, 6)


def test_two_nodes_of_which_one_goes(tmp_path: Path, cluster: Any) -> None:
    other = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    out = tmp_path / "ray"
    thread = when_it_plays(out, lambda: cluster.remove_node(other, allow_graceful=False))
    hold(out, 200, ray=cluster.address, workers=3)
    thread.join(PATIENCE_S)
    check_same(tmp_path, 200)


@pytest.mark.parametrize("address", ["localhost:1", "ray://localhost:1", "nowhere.invalid:6379", "nonsense"])
def test_an_address_where_nobody_is(tmp_path: Path, address: str) -> None:
    """Ray itself would wait for ten minutes."""
    began = time.monotonic()
    with pytest.raises(UsageError, match=f"there is no Ray cluster at {address}"):
        hold(tmp_path, 2, ray=address)
    assert time.monotonic() - began < PATIENCE_S / 4
