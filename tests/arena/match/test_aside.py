"""Games may print beside other threads that print: each one's words arrive where they belong."""

from __future__ import annotations

import sys
import threading

import pytest

from arena.match.aside import prints_aside


def test_only_a_games_thread_prints_aside(capsys: pytest.CaptureFixture[str]) -> None:
    within, printed = threading.Event(), threading.Event()

    def game() -> None:
        with prints_aside:
            within.set()
            assert printed.wait(10)
            print("the game's")

    thread = threading.Thread(target=game)
    thread.start()
    assert within.wait(10)
    print("ours")
    printed.set()
    thread.join()
    print("ours again")
    assert capsys.readouterr() == ("ours\nours again\n", "the game's\n")


def test_a_game_within_a_game_prints_aside_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with prints_aside:
        with prints_aside:
            print("inner")
        print("outer")
    print("ours")
    assert capsys.readouterr() == ("ours\n", "inner\nouter\n")


def test_output_is_replaced_once() -> None:
    with prints_aside:
        replaced = sys.stdout
    with prints_aside:
        assert sys.stdout is replaced
    assert replaced.isatty() is replaced._shown.isatty()  # type: ignore[attr-defined]


def test_a_program_without_standard_output_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with prints_aside:
        print("nowhere")
    assert sys.stdout is None
