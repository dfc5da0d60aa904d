"""An event loop in a thread of its own, so that callers need none and may have one."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 2.0  # for the thread to end


class LoopThread:
    """Runs coroutines for other threads. Ends with `close`, with its last user, or with the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # The thread must not hold `self`, or nothing would ever be collected.
        self._thread = threading.Thread(
            target=_serve, args=(self._loop,), name="arena server client", daemon=True
        )
        self._thread.start()
        self.close = weakref.finalize(self, _end, self._loop, self._thread)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; an interrupted wait cancels it. Raises RuntimeError after `close`."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join(PATIENCE_S)
