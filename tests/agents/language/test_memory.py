"""`--memory N`: a seat is given its own last turns, as chat messages before the present one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arena.match.match import Match
from arena.match.play import play
from arena.record.store import Store
from arena.record.verify import verify
from arena.tournament.plan import Tournament
from arena_agents import Agent
from arena_agents.language.agent import load_language_agent
from arena_agents.language.chat import ChatFormat
from arena_agents.language.template import NO_REPLY, load_template
from arena_agents.registry import make_agent
from arena_agents.sandbox.wire import Games, to_observations, to_question
from arena_games.base import Observation
from arena_games.registry import find_game, remembering

LAKE = find_game("frozen-lake-slippery")


class Watching(Agent):
    """Walks right and down by turns, sometimes says nothing, and remembers what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []

    def choose(self, observation: Observation) -> str:
        self.seen.append(observation)
        return ("<action>right</action>", "", "<action>down</action>")[observation.turn % 3]


def watched(memory: int | None, seed: int = 4) -> list[Observation]:
    agent = Watching()
    list(play([Match(remembering(LAKE, memory), seed, ("a",))], {"a": agent}))
    return agent.seen


@pytest.mark.parametrize("memory", [None, 0, 1, 3])
def test_a_seat_is_shown_its_last_turns_and_no_more(memory: int | None) -> None:
    seen = watched(memory)
    said = ("<action>right</action>", "", "<action>down</action>")
    past = [(observation.text, said[turn % 3]) for turn, observation in enumerate(seen)]
    for turn, observation in enumerate(seen):
        assert list(observation.recent) == past[max(0, turn - (memory or 0)) : turn]
    assert len(seen) > 3


def test_others_turns_are_not_among_them() -> None:
    agent = Watching()
    duel = remembering(find_game("snake-duel"), 2)
    list(play([Match(duel, 1, ("a", "r"))], {"a": agent, "r": make_agent("random")}))
    own = [observation.text for observation in agent.seen]
    assert all(text in own for observation in agent.seen for text, _ in observation.recent)


def test_turns_are_chat_messages_in_their_order() -> None:
    last = watched(2)[3]
    messages = load_template().messages(LAKE, last)
    assert [message["role"] for message in messages] == ["system", *["user", "assistant"] * 2, "user"]
    assert [m["content"] for m in messages if m["role"] == "user"][:2] == [text for text, _ in last.recent]
    assert messages[2]["content"] in (NO_REPLY, "<action>right</action>")
    assert load_template().messages(LAKE, replace(last, recent=())) == [messages[0], messages[-1]]


def test_equal_positions_with_other_pasts_get_prompts_of_their_own() -> None:
    nano = load_language_agent("nano")
    now = watched(1)[2]
    other = replace(now, recent=(("elsewhere", "<action>up</action>"),))
    replies = nano.act([now, other, replace(now, recent=())])
    assert len({reply.sample.prompt_ids for reply in replies}) == 3


def test_what_is_remembered_reaches_another_process() -> None:
    rows, blob = to_question([watched(3)[4]], Games())
    assert to_observations(rows, blob, Games())[0].recent == watched(3)[4].recent


def test_a_remembered_episode_is_verified_and_its_tournament_says_so(tmp_path) -> None:
    spec = remembering(LAKE, 2)
    with Store.open(tmp_path, {"seed": 0, "memory": 2}, {"python": "3"}) as store:
        store.add(list(play([Match(spec, 4, ("a",))], {"a": Watching()})), (0,))
    assert verify(tmp_path, processes=1).faults == []
    assert Tournament.of("snake", "random", tmp_path, memory=2).config()["memory"] == 2
    assert "memory" not in Tournament.of("snake", "random", tmp_path).config()


def test_a_template_that_rewrites_earlier_turns_is_found_out() -> None:
    tokenizer = load_language_agent("nano").tokenizer
    assert ChatFormat.of(tokenizer).appends(tokenizer)
    rewriting = (
        "{% for m in messages %}{% if not loop.last and m['role'] == 'user' %}old {% endif %}"
        "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )
    tokenizer.chat_template = rewriting
    assert not ChatFormat.of(tokenizer).appends(tokenizer)
