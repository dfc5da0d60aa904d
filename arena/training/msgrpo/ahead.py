"""One-step-off rollouts: the next update's episodes are played while this one is computed.

    R_k, which update k learns from, is played by μ = π_{k−1}          staleness=0, the default
                                              by μ = π_{k−2}          staleness=1

`staleness` caps how many updates the policy of a rollout may be behind; each sample says which policy drew
it. What that policy is off by is weighed (`mismatch`): decoupled PPO, arXiv 2110.00641; a cap on staleness
beside it as in AReaL, arXiv 2505.24298; one step as in arXiv 2410.18252.

Which policy plays which rollout follows from the steps alone, never from who was faster. Nothing is played
ahead over a checkpoint, so a run that is resumed is as one that was not interrupted, and nothing that the
policy before a step back has played is learned from. A server plays in a thread beside the update; an
engine in this process, and that of a team, plays before it: the same numbers, and no time is won.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from arena.training.language.rollout import Rollout


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """A rollout that was played, how many informative groups are wanted of it, its episodes and seconds."""

    rollout: Rollout
    wanted: int
    episodes: int
    seconds: float


class Ahead:
    """Holds the next update's rollout; `beside` plays it in a thread of its own."""

    def __init__(self, *, beside: bool) -> None:
        self._pool = ThreadPoolExecutor(1, "arena rollout") if beside else None
        self._next: Future[Played] | None = None

    def begin(self, play: Callable[[], Played]) -> None:
        """Play the next update's rollout. What playing raises, `wait` raises where it is played beside."""
        if self._pool is not None:
            self._next = self._pool.submit(play)
            return
        self._next = Future()
        self._next.set_result(play())

    def wait(self) -> None:
        """Until it has been played: the engine may then be given another policy."""
        if self._next is not None:
            self._next.result()

    def take(self) -> Played | None:
        """What was played ahead, once; None if nothing was."""
        played, self._next = self._next, None
        return None if played is None else played.result()

    def close(self) -> None:
        """Let the thread end. To be called after the engine is closed, so that it does not play on."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def updates_behind(rollout: Rollout, step: int) -> int:
    """How many updates the policy of the oldest sample is behind the one that `step` begins with."""
    versions = [s.reply.sample.policy_version for s in rollout.steps if s.reply.sample is not None]
    return step - 1 - min(versions, default=step - 1)
