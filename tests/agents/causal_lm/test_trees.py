"""Replies read as a tree are what each of them is alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Qwen2Config, Qwen2ForCausalLM

from arena_agents.base import Sampling
from arena_agents.causal_lm.decoder import ends_only
from arena_agents.causal_lm.logprobs import padded_tokens, reply_rows
from arena_agents.causal_lm.trees import depths, reply_tree, takes_trees, tree_mask
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.agent import load_language_agent
from arena_games.registry import find_game
from tests.agents.language.test_language import start

REPLIES = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=8)
GAMES = ("snake", "frozen-lake")


@given(REPLIES)
def test_every_reply_is_a_path_through_the_tree(replies):
    tree = reply_tree(replies)
    for reply in replies:
        places = tree.places(reply)
        assert [tree.tokens[place - 1] for place in places[1:]] == reply[:-1]
        assert [depths(tree)[place - 1] for place in places[1:]] == list(range(len(reply) - 1))
    assert len(tree.tokens) == len({tuple(r[:k]) for r in replies for k in range(1, len(r))})


@given(REPLIES, st.integers(0, 2))
def test_a_token_sees_its_prompt_and_its_own_branch(replies, shared):
    tree, real_NT = reply_tree(replies), torch.tensor([[0, 1, 1, 1]])
    mask = tree_mask(real_NT, shared, [tree])[0, 0]
    assert mask.shape == (4 - shared + len(tree.tokens), 4 + len(tree.tokens))
    for reply in replies:
        branch = [4 + place - 1 for place in tree.places(reply)[1:]]
        for depth, column in enumerate(branch):
            seen = mask[column - shared].nonzero().flatten().tolist()
            assert seen == [1, 2, 3, *branch[: depth + 1]]


@pytest.mark.parametrize("branching", [True, False])
@given(prompts=st.lists(st.integers(0, 2), min_size=1, max_size=9), data=st.data())
def test_rows_hold_every_reply_once_and_no_more_than_the_prompts_room(branching, prompts, data):
    prompts = [[5] * (2 + 3 * kind) for kind in prompts]
    replies = [data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=5)) for _ in prompts]
    rows = reply_rows(prompts, replies, branching=branching)
    assert sorted(member for row in rows for member in row.members) == list(range(len(prompts)))
    for row in rows:
        assert all(list(row.prompt) == prompts[member] for member in row.members)
        assert len(row.members) == 1 or len(row.tree.tokens) <= len(row.prompt)
        assert branching or len(row.members) == 1
    assert padded_tokens(rows) >= sum(len(row.prompt) + len(row.tree.tokens) for row in rows)


# Playing with drafts


@pytest.fixture(scope="module")
def nano():
    return load_language_agent("nano")


def prompts_of(nano, count):
    return [nano.prompt_ids(start(game, seed)) for game in GAMES for seed in range(count)]


@pytest.mark.parametrize("temperature", [0, 1.0, 3.0])
@pytest.mark.parametrize("limit", [1, 2, 3, 12])
def test_drafts_change_nothing_of_what_is_drawn(nano, temperature, limit):
    """At a high temperature most replies leave the tree, and some of them never end."""
    prompts, sampling = prompts_of(nano, 40), Sampling(temperature, max_new_tokens=limit)
    plain = nano.engine.generate(prompts, sampling, range(80))
    drafted = nano.engine.generate(prompts, sampling, range(80), nano.drafts(find_game("snake").action_names))
    assert [s.token_ids for s in drafted] == [s.token_ids for s in plain]
    for one, other in zip(drafted, plain, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def counted(engine, monkeypatch):
    """Counts the model's forward passes."""
    passes = []
    monkeypatch.setattr(
        engine.model,
        "forward",
        lambda *a, _plain=engine.model.forward, **k: (passes.append(1), _plain(*a, **k))[1],
    )
    return passes


def test_a_reply_on_the_tree_costs_one_pass_beside_the_shared_beginning(nano, monkeypatch):
    prompts, passes = prompts_of(nano, 1)[:1], counted(nano.engine, monkeypatch)
    greedy = Sampling(temperature=0)
    nano.engine.generate(prompts, greedy, [0], nano.drafts(find_game("snake").action_names))
    assert len(passes) == 1
    nano.engine.generate(prompts, greedy, [0])
    assert len(passes) == 1 + 3  # a pass for each token


def test_drafts_that_are_not_followed_are_read_once(nano, monkeypatch):
    engine = TransformersEngine(nano.engine.model, nano.tokenizer, batch_tokens=1)  # each prompt by itself
    passes = counted(engine, monkeypatch)
    greedy = Sampling(temperature=0)
    engine.generate(prompts_of(nano, 4), greedy, range(8), [(7, 7, 7)])
    assert len(passes) == 8 * 3


def test_a_tree_that_costs_too_much_is_left_out(nano, monkeypatch):
    passes = counted(nano.engine, monkeypatch)
    nano.engine.generate(prompts_of(nano, 1)[:1], Sampling(temperature=0), [0], [(i, i) for i in range(300)])
    assert len(passes) == 3


def test_the_drafts_are_a_games_shortest_replies(nano):
    names = find_game("frozen-lake").action_names
    texts = [nano.tokenizer.decode(draft) for draft in nano.drafts(names)]
    assert texts == [f"<action>{name}</action>" for name in names]


# What a model must be able to do


def tiny(**options):
    config = Qwen2Config(
        vocab_size=9,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=8,
        **options,
    )
    return Qwen2ForCausalLM(config).eval()


def test_which_models_take_trees():
    assert takes_trees(tiny(attn_implementation="sdpa"))
    assert not takes_trees(tiny(attn_implementation="eager"))
    assert not takes_trees(tiny(use_sliding_window=True, sliding_window=4, max_window_layers=1))


def test_the_ends_alone_are_what_they_are_among_all():
    model, ids = tiny(), torch.arange(9)[None]
    with torch.no_grad():
        whole = model(input_ids=ids).logits
        with ends_only(model, 3):
            ends = model(input_ids=ids, logits_to_keep=3).logits
            other = model(input_ids=ids).logits[:, :-3]
        again = model(input_ids=ids).logits
    assert torch.allclose(ends, whole[:, -3:], atol=1e-6)
    assert not torch.equal(other, whole[:, :-3])
    assert torch.equal(again, whole)


def test_drafts_are_left_out_where_their_logits_would_take_too_much(nano, monkeypatch):
    passes = counted(nano.engine, monkeypatch)
    monkeypatch.setattr("arena_agents.engines.transformers.MOST_LOGITS", 1000)
    drafts = nano.drafts(find_game("snake").action_names)
    nano.engine.generate(prompts_of(nano, 1)[:1], Sampling(temperature=0), [0], drafts)
    assert len(passes) == 3
