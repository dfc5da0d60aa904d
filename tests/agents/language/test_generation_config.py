"""What a model's folder says of drawing from it: its end tokens count, its advice does not."""

import pytest

from arena.training.start import train
from arena_agents.base import Sampling
from arena_agents.causal_lm.load import end_ids, load_generation_config, load_model
from arena_agents.language.agent import load_language_agent
from arena_agents.nano import MODEL_DIR
from arena_agents.policy import load_policy
from tests.agents.language.test_chat import start
from tests.agents.odd_models import copy_of_nano

TRAP = {"top_k": 1, "repetition_penalty": 5.0, "temperature": 0.1, "num_beams": 3, "max_new_tokens": 2}


@pytest.fixture(scope="module")
def trap(tmp_path_factory):
    return copy_of_nano(tmp_path_factory.mktemp("trap") / "m", eos_token_id=2, pad_token_id=0, **TRAP)


def test_advice_on_sampling_changes_nothing_of_what_is_drawn(trap):
    seen = [start("snake", seed) for seed in range(40)]
    hot = Sampling(temperature=3.0, max_new_tokens=8)
    plain, trapped = (load_language_agent(spec, sampling=hot) for spec in ("nano", f"hf:{trap}"))
    expected = plain.act(seen)
    assert [reply.sample for reply in trapped.act(seen)] == [reply.sample for reply in expected]
    assert len({reply.text for reply in expected}) > 4  # top_k=1 would leave one for each prompt


@pytest.mark.parametrize("rank", [0, 4])
def test_a_policy_of_such_a_model_can_be_saved(trap, tmp_path, rank):
    """transformers loads advice that does not agree with itself, and then refuses to save it."""
    few = ["groups=1", "group_size=2", "eval_episodes=2", f"lora_rank={rank}", "max_new_tokens=4"]
    run = train(game="frozen-lake", agent=f"hf:{trap}", out=tmp_path / "run", steps=1, settings=few)
    assert load_policy(run).sampling == Sampling(max_new_tokens=4)


def test_every_end_token_ends_a_reply_and_counts_as_its_end(tmp_path):
    """`</action>` is one token of nano's: told to be an end, it ends a reply like `<|im_end|>`."""
    closing = load_model(str(MODEL_DIR))[1].convert_tokens_to_ids("</action>")
    folder = copy_of_nano(tmp_path / "m", eos_token_id=[2, closing])
    assert load_generation_config(str(folder)).eos_token_id == [2, closing]
    agent = load_language_agent(f"hf:{folder}", sampling=Sampling(stop=(), max_new_tokens=3))
    replies = agent.act([start("snake", seed) for seed in range(10)])
    ended = [reply for reply in replies if reply.sample.token_ids[-1] == closing]
    assert len(ended) >= 5
    for reply in ended:
        assert (reply.usage.finish, len(reply.sample.token_ids)) == ("stop", 3)  # at the limit, and whole
        assert reply.text == reply.text.removesuffix("</action>")  # an end token is no text


def test_end_ids_are_all_that_are_told():
    tokenizer = load_model(str(MODEL_DIR))[1]
    config = load_generation_config(str(MODEL_DIR))
    assert end_ids(config, tokenizer) == {2}
    config.eos_token_id = [7, 9]
    assert end_ids(config, tokenizer) == {2, 7, 9}
    assert end_ids(None, tokenizer) == {2}
