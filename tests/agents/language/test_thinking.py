"""Models that think before they answer: what is thought, what is answered, and what either may cost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from arena.training.start import train
from arena_agents.api.completion import read_completion
from arena_agents.base import Ids, Sampling, TokenSample
from arena_agents.language.agent import LanguageAgent, load_language_agent
from arena_agents.language.template import load_template
from arena_agents.language.thinking import Thinker
from arena_agents.policy import load_policy
from arena_agents.reasoning import HARMONY, THINK, ThinkingTags, apart, cut, named_tags
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from tests.agents.api.openai_server import completion
from tests.agents.language.test_chat import start
from tests.agents.odd_models import KEEPS_SYSTEM, THINKS_ALWAYS, THINKS_ON_DEMAND, copy_of_nano

UP, LEFT = "<action>up</action>", "<action>left</action>"
STOP = ("</action>",)


class Recited:
    """An engine that recites a text, token by token, as a model would that had only this to say.

    What is asked for after part of it was said, or was closed from outside, is what follows.
    """

    shares_model = True
    policy_version = 3

    def __init__(self, tokenizer, text: str, answer: str = "") -> None:
        self.tokenizer, self.answer = tokenizer, answer
        self.ids = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
        self.calls: list[tuple[str, Sampling]] = []

    def generate(
        self, prompts: Sequence[Ids], sampling: Sampling, seeds: Sequence[int], drafts: Sequence[Ids] = ()
    ) -> list[TokenSample]:
        return [self._one(prompt, sampling) for prompt in prompts]

    def _one(self, prompt: Ids, sampling: Sampling) -> TokenSample:
        text = self.tokenizer.decode(prompt)
        said = text.rpartition("assistant\n")[2].removeprefix("<think>\n")
        self.calls.append((said, sampling))
        rest = self._rest(said)
        drawn: list[int] = []
        for token in rest[: sampling.max_new_tokens]:
            drawn.append(token)
            if any(stop in self.tokenizer.decode(drawn) for stop in sampling.stop):
                break
        return TokenSample(tuple(prompt), tuple(drawn), (-0.5,) * len(drawn), self.policy_version)

    def _rest(self, said: str) -> list[int]:
        for place in range(len(self.ids)):
            if self.tokenizer.decode(self.ids[:place]) == said:
                return self.ids[place:]
        return [*self.tokenizer.encode(self.answer, add_special_tokens=False), self.tokenizer.eos_token_id]


def reciting(folder, text, answer="", **sampling) -> LanguageAgent:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return LanguageAgent(Recited(tokenizer, text, answer), tokenizer, load_template(), Sampling(**sampling))


@pytest.fixture(scope="module")
def thinks(tmp_path_factory):
    return copy_of_nano(tmp_path_factory.mktemp("thinks") / "m", THINKS_ON_DEMAND)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return copy_of_nano(tmp_path_factory.mktemp("opened") / "m", THINKS_ALWAYS)


def test_a_thought_is_no_answer(thinks):
    """Its actions are only weighed: neither stop strings nor the parser see them."""
    agent = reciting(thinks, f"<think>{UP} or {LEFT}?</think>\n\n{LEFT} for ever")
    (reply,) = agent.act([start()])
    assert (reply.text, reply.reasoning) == (f"\n\n{LEFT}", f"{UP} or {LEFT}?")
    assert reply.usage.finish == "stop"
    whole = agent.tokenizer.decode(reply.sample.token_ids)
    assert whole == f"<think>{UP} or {LEFT}?</think>\n\n{LEFT}"
    assert reply.sample.appended == ()
    thought = agent.tokenizer.decode(reply.sample.token_ids[: reply.usage.reasoning_tokens])
    assert thought.endswith("</think>")


def test_the_opening_tag_may_stand_in_the_prompt(opened):
    agent = reciting(opened, f"{UP}? No.</think>{LEFT}")
    (reply,) = agent.act([start()])
    assert (reply.text, reply.reasoning) == (LEFT, f"{UP}? No.")
    assert len(agent.engine.calls) == 2  # nothing had to be found out


def test_a_model_that_does_not_think_this_time_answers_as_any_other(thinks):
    agent = reciting(thinks, f"Well. {UP} {LEFT}", max_new_tokens=100)
    (reply,) = agent.act([start()])
    assert (reply.text, reply.reasoning, reply.usage.reasoning_tokens) == (f"Well. {UP}", None, None)
    (first, _), (again, sampling) = agent.engine.calls
    assert first == again == ""  # a few tokens, and then the reply from its start
    assert sampling == agent.sampling


def test_a_closed_thought_in_the_prompt_is_asked_once(thinks):
    agent = reciting(thinks, UP).prompted({"enable_thinking": False})
    agent.engine.ids = agent.tokenizer.encode(UP, add_special_tokens=False)
    agent.engine._rest = lambda said: agent.engine.ids
    assert agent.act([start()])[0].text == UP
    assert len(agent.engine.calls) == 1


@pytest.mark.parametrize("budget", [1, 5, 20])
def test_a_thought_beyond_its_budget_is_closed_and_the_answer_asked_for(opened, budget):
    agent = reciting(opened, "so " * 200, answer=LEFT, thinking_tokens=budget, max_new_tokens=30)
    (reply,) = agent.act([start()])
    sample = reply.sample
    assert reply.text.strip() == LEFT
    assert reply.reasoning is not None
    put_there = [sample.token_ids[place] for place in sample.appended]
    assert agent.tokenizer.decode(put_there) == "\n</think>\n\n"
    assert sample.appended[0] == budget
    assert {sample.logprobs[place] for place in sample.appended} == {0.0}
    drawn = set(range(len(sample.token_ids))) - set(sample.appended)
    assert {sample.logprobs[place] for place in drawn} == {-0.5}
    assert sample.policy_version == 3
    assert reply.usage.reasoning_tokens >= budget
    assert reply.usage.completion_tokens == len(sample.token_ids)


@pytest.mark.parametrize("folder", ["thinks", "opened"])
def test_without_a_budget_the_thought_is_empty(folder, request):
    agent = reciting(request.getfixturevalue(folder), "so " * 200, answer=LEFT, thinking_tokens=0)
    (reply,) = agent.act([start()])
    assert (reply.text.strip(), reply.reasoning) == (LEFT, "")
    assert len(agent.engine.calls) == 1


def test_the_answer_has_a_budget_of_its_own(opened):
    agent = reciting(opened, "so </think>" + "on " * 200, thinking_tokens=100, max_new_tokens=6)
    (reply,) = agent.act([start()])
    assert len(reply.sample.token_ids) - reply.usage.reasoning_tokens == 6
    assert reply.usage.finish == "length"


def test_a_model_that_ends_its_turn_in_a_thought_has_not_answered(opened):
    (reply,) = reciting(opened, f"so {UP}").act([start()])
    assert (reply.text, reply.reasoning, reply.usage.finish) == ("", f"so {UP}", "empty")


def test_a_model_that_cannot_think_is_asked_once(tmp_path):
    agent = reciting(copy_of_nano(tmp_path / "m", KEEPS_SYSTEM), f"<think>{UP}</think>{LEFT}")
    assert not agent.thinker.thinks
    (reply,) = agent.act([start()])
    assert len(agent.engine.calls) == 1
    assert (reply.text, reply.reasoning) == ("", UP)  # cut at the stop string that it thought of


def test_tags_that_are_special_tokens_are_seen_all_the_same(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(copy_of_nano(tmp_path / "m", KEEPS_SYSTEM + "{# [/THINK] #}"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["[THINK]", "[/THINK]"]})
    agent = LanguageAgent(
        Recited(tokenizer, f"[THINK]{UP}[/THINK]{LEFT}"), tokenizer, load_template(), Sampling()
    )
    (reply,) = agent.act([start()])
    assert (reply.text, reply.reasoning) == (LEFT, UP)
    agent.engine = Recited(tokenizer, f"[THINK]{UP}")
    assert agent.act([start()])[0].text == ""


@pytest.mark.parametrize(
    ("template", "tags"),
    [
        ("{{ '<think>' }}...{{'</think>'}}", THINK),
        ("x</seed:think>", ThinkingTags.pair("<seed:think>", "</seed:think>")),
        ("x[/THINK]", ThinkingTags.pair("[THINK]", "[/THINK]")),
        ("<|END_THINKING|>", ThinkingTags.pair("<|START_THINKING|>", "<|END_THINKING|>")),
        ("</reasoning>", ThinkingTags.pair("<reasoning>", "</reasoning>")),
        ("<|end_of_thought|>", ThinkingTags.pair("<|begin_of_thought|>", "<|end_of_thought|>")),
        ("<|channel|>analysis<|message|> <|channel|>final", HARMONY),
        ("{{ 'think about it' }}", None),
        (None, None),
    ],
)
def test_tags_are_those_that_the_template_names(template, tags):
    assert named_tags(template) == tags


@given(st.text("ab<>/ ", max_size=12), st.text("ab<>/ ", max_size=12))
def test_answer_and_thought_are_the_parts_of_the_reply(thought, answer):
    found, reasoning = apart(f"<think>{thought}</think>{answer}")
    assert found == answer
    assert reasoning == thought.strip()


def test_the_last_closing_tag_parts_them_and_stops_count_behind_it():
    assert apart(f"a</think>b</think>{UP}x", stop=STOP) == (UP, "a</think>b")
    assert apart(f"{UP}</think>{LEFT} </think> x", stop=STOP) == (LEFT, UP)
    assert apart(f"<think>{UP}", stop=STOP) == ("", UP)
    assert apart(UP, opened=True) == ("", UP)
    assert apart(f"{UP} <think>", stop=STOP) == (UP, None)
    assert cut("a</action></action>", STOP) == "a</action>"


def test_a_servers_reply_without_its_opening_tag_is_read_alike():
    found = read_completion(completion({"content": f"{UP}? No.</think>\n{LEFT}"}), STOP)
    assert (found.text, found.reasoning) == (f"\n{LEFT}", f"{UP}? No.")


def test_the_spec_says_how_long(opened):
    assert make_agent(f"hf:{opened}[thinking_tokens=7]").sampling.thinking_tokens == 7
    with pytest.raises(UsageError, match="number of tokens"):
        make_agent("nano[thinking_tokens=long]")


def test_parts_of_a_reply_are_drawn_from_the_model_itself(opened):
    """nano never closes a thought: its budget does; then every drawn token has the model's probability."""
    sampling = Sampling(max_new_tokens=6, thinking_tokens=5)
    agent = load_language_agent(f"hf:{opened}", sampling=sampling)
    seen = [start("snake", seed) for seed in range(6)]
    replies = agent.act(seen)
    assert [agent.act([one])[0].text for one in seen] == [reply.text for reply in replies]
    for reply in replies:
        sample = reply.sample
        ids = torch.tensor([[*sample.prompt_ids, *sample.token_ids]])
        with torch.no_grad():
            logits = agent.engine.model(input_ids=ids).logits[0, len(sample.prompt_ids) - 1 : -1]
        logprobs = torch.log_softmax(logits, -1)[range(len(sample.token_ids)), list(sample.token_ids)]
        assert len(sample.appended) > 0
        for place, expected in enumerate(logprobs.tolist()):
            known = 0.0 if place in sample.appended else expected
            assert sample.logprobs[place] == pytest.approx(known, abs=1e-4)


def test_thinking_policies_are_trained_on_what_they_drew(opened, tmp_path):
    few = ["groups=1", "group_size=4", "eval_episodes=2", "max_new_tokens=5", "thinking_tokens=3"]
    agent, settings = f"hf:{opened}", [*few, "lora_rank=4"]
    run = train(game="frozen-lake", agent=agent, out=tmp_path / "run", steps=1, settings=settings)
    assert load_policy(run).sampling == Sampling(max_new_tokens=5, thinking_tokens=3)


def test_a_prompt_for_a_reply_without_thought_is_closed(opened):
    agent = load_language_agent(f"hf:{opened}")
    (reply,) = agent.decoding("choice").act([start()])
    assert agent.tokenizer.decode(reply.sample.prompt_ids).endswith("<think>\n\n</think>\n\n")
    assert isinstance(agent.thinker, Thinker)
