"""Choice decoding: what is drawn, and from which distribution, beside a naive loop."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arena.match.evaluate import evaluate
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena_agents.base import Sampling
from arena_agents.engines.choice import choice_entropy, choice_logprobs, decisions, in_passes, scores
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.agent import LanguageAgent, load_language_agent
from arena_agents.language.choices import legal_replies
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from arena_games.registry import find_game, game_specs
from tests.agents.causal_lm.test_replies import make_model
from tests.agents.language.test_language import start

CHOICE = Sampling(decode="choice")


@pytest.fixture(scope="module")
def nano():
    return load_language_agent("nano", sampling=CHOICE)


def exact(model, prompt, choices, temperature=1.0):
    """The probabilities of whole replies: a plain forward pass over each by itself, and a sum by hand."""
    found = []
    for reply in choices:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*prompt, *reply]])).logits[0].double()
        every = torch.log_softmax(logits, dim=-1)
        found.append(sum(float(every[len(prompt) - 1 + k, token]) for k, token in enumerate(reply)))
    weights = [math.exp((score - max(found)) / temperature) for score in found]
    return [weight / sum(weights) for weight in weights]


def asked(nano, game="snake", seed=0, legal=(0, 1, 2, 3)):
    seen = replace(start(game, seed), legal=legal)
    return nano.prompt_ids(seen), nano._replies.of(legal_replies(seen))


@pytest.mark.parametrize(("temperature", "legal"), [(1.0, (0, 1, 2, 3)), (3.0, (3, 1)), (0.7, (0, 1, 2, 3))])
def test_frequencies_are_the_exact_probabilities(nano, temperature, legal):
    """10⁵ draws; a frequency is off by more than 5 standard errors once in a million."""
    prompt, choices = asked(nano, legal=legal)
    draws = 100_000
    sampling = Sampling(temperature=temperature, decode="choice")
    samples = nano.engine.choose([prompt] * draws, [choices] * draws, sampling, range(draws))
    counts = dict.fromkeys(choices, 0)
    for sample in samples:
        counts[sample.token_ids] += 1
    probabilities = exact(nano.engine.model, prompt, choices, temperature)
    assert min(probabilities) > 0.001
    for reply, probability in zip(choices, probabilities, strict=True):
        error = math.sqrt(probability * (1 - probability) / draws)
        assert abs(counts[reply] / draws - probability) < 5 * error
    told = {sample.token_ids: sample.logprobs for sample in samples}
    for reply, probability in zip(choices, probabilities, strict=True):
        assert told[reply] == pytest.approx((math.log(probability),), abs=1e-4)
    assert {sample.choices for sample in samples} == {tuple(choices)}


@pytest.mark.parametrize("family", ["qwen2 trees", "qwen2", "llama", "gemma2"])
def test_any_family_with_trees_or_without(family):
    """Choices of several lengths, some of which begin with another one; prompts of several lengths."""
    model = make_model(family)
    engine = TransformersEngine(model, _Tokenizer(), batch_tokens=90)
    prompts = [list(range(3, 3 + n)) for n in (5, 20, 9, 20)]
    choices = [[(7, 8), (7, 9, 4), (7,), (11, 2, 3, 4)], [(5,), (6, 7)], [(4, 4), (4, 5)], [(6, 7)]]
    greedy = engine.choose(prompts, choices, Sampling(temperature=0), range(4))
    for prompt, replies, sample in zip(prompts, choices, greedy, strict=True):
        probabilities = exact(model, prompt, replies)
        best = max(range(len(replies)), key=probabilities.__getitem__)
        assert sample.token_ids == replies[best]
        assert sample.logprobs == pytest.approx((math.log(probabilities[best]),), abs=1e-4)
    assert greedy[3].logprobs == (0.0,)


class _Tokenizer:
    eos_token_id = 1


def test_in_tree_and_out_of_it_the_draws_are_the_same(nano):
    prompts, choices = zip(
        *(asked(nano, game, s) for game in ("snake", "frozen-lake") for s in range(30)), strict=True
    )
    plain = TransformersEngine(nano.engine.model, nano.tokenizer)
    plain._takes_trees = False
    together = nano.engine.choose(prompts, choices, CHOICE, range(60))
    apart = plain.choose(prompts, choices, CHOICE, range(60))
    assert [s.token_ids for s in together] == [s.token_ids for s in apart]
    assert [s.logprobs for s in together] == [pytest.approx(s.logprobs, abs=1e-4) for s in apart]


def test_one_forward_pass_a_decision(nano, monkeypatch):
    passes = []
    decoder = nano.engine.model.get_decoder()
    monkeypatch.setattr(
        decoder, "forward", lambda *a, _plain=decoder.forward, **k: (passes.append(1), _plain(*a, **k))[1]
    )
    nano.act([start("snake")])
    assert len(passes) == 1
    nano.act([start("snake", seed) for seed in range(20)])
    assert len(passes) == 1 + 1  # what all prompts begin with is kept from the first


@pytest.mark.parametrize("legal", [(2,), (0, 3), (1, 2, 3)])
def test_an_illegal_action_is_never_drawn(nano, legal):
    spec = find_game("snake")
    seen = [replace(start("snake", seed), legal=legal) for seed in range(100)]
    actions = [spec.parse(r.text, o) for r, o in zip(nano.act(seen), seen, strict=True)]
    assert set(actions) == set(legal)


@pytest.fixture(scope="module")
def untaught(nano):
    """A random model of nano's shape: what it writes freely is noise."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = type(nano.engine.model)(nano.engine.model.config).eval()
    return LanguageAgent(TransformersEngine(model, nano.tokenizer), nano.tokenizer, nano.template)


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_no_invalid_reply_of_an_untaught_model(untaught, temperature):
    agent = untaught.decoding("choice")
    agent.sampling = Sampling(temperature=temperature, decode="choice")
    free = untaught.decoding("free")
    free.sampling = Sampling(max_new_tokens=8)
    games = [find_game("frozen-lake")]
    (chosen,) = evaluate("choice", agent, games, episodes=200)
    (written,) = evaluate("free", free, games, episodes=20)
    assert (chosen.episodes, chosen.errors, chosen.invalid_rate) == (200, 0, 0.0)
    assert written.invalid_rate > 0.9


@pytest.mark.parametrize("spec", game_specs(), ids=lambda spec: spec.name)
def test_every_scenario_can_be_played(untaught, spec):
    players = ("me",) * spec.seats
    (episode,) = play([Match(spec, 3, players)], {"me": untaught.decoding("choice")})
    assert episode.end.rated
    assert not any(step.invalid for step in episode.steps)


def test_the_same_seed_gives_the_same_episode_whatever_runs_beside_it(nano):
    spec = find_game("frozen-lake")
    matches = [Match(spec, seed, ("me",)) for seed in range(12)]
    alone = {
        e.id: [s.reply.text for s in e.steps] for e in play(matches, {"me": nano}, MatchConfig(concurrency=1))
    }
    beside = {
        e.id: [s.reply.text for s in e.steps]
        for e in play(matches, {"me": nano}, MatchConfig(concurrency=12))
    }
    assert alone == beside
    assert len({tuple(replies) for replies in alone.values()}) > 1


def test_the_usage_counts_the_reply_that_was_drawn(nano):
    (reply,) = nano.act([start("snake")])
    assert reply.text == nano.tokenizer.decode(reply.sample.token_ids)
    assert reply.usage.completion_tokens == len(reply.sample.token_ids)
    assert (reply.usage.prompt_tokens, reply.usage.finish) == (len(reply.sample.prompt_ids), "stop")


# The distribution by itself

SCORES = st.lists(st.floats(-50, 0, width=32), min_size=1, max_size=6)


@given(SCORES, st.floats(0.1, 5))
def test_the_distribution_is_the_renormalised_one(row, temperature):
    logprobs = choice_logprobs(torch.tensor([[*row, -torch.inf]]), temperature)
    expected = torch.distributions.Categorical(logits=torch.tensor(row).double() / temperature)
    assert torch.allclose(logprobs[0, :-1].double(), expected.logits, atol=1e-3)
    assert logprobs[0, -1] == -torch.inf
    assert float(choice_entropy(logprobs)) == pytest.approx(float(expected.entropy()), abs=1e-3)


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=1, max_size=12), st.integers(1, 60))
def test_every_decision_is_read_once(shapes, most):
    prompts = [[5] * length for length, _ in shapes]
    choices = [[(n, 1) for n in range(count)] for _, count in shapes]
    passes = list(in_passes(decisions(prompts, choices), most, branching=True))
    members = [m for together in passes for decision in together for m in decision.members]
    assert sorted(members) == list(range(len(shapes)))
    read = [(d.prompt, d.choices) for together in passes for d in together]
    assert len(read) == len(set(read))


def test_scores_stand_before_what_is_no_choice():
    asked = decisions([[1], [2]], [[(3,), (4, 5)], [(6,)]])
    found = scores(
        lambda prompts, replies: (torch.tensor([[-1.0, 0.0], [-2.0, -3.0], [-4.0, 0.0]]), None), asked
    )
    assert found.tolist() == [[-1.0, -5.0], [-4.0, -torch.inf]]
    with pytest.raises(ValueError, match="at least one"):
        decisions([[1]], [[]])


# What cannot be


def test_too_many_replies_are_one_line(monkeypatch):
    monkeypatch.setattr("arena_agents.language.choices.MOST_CHOICES", 3)
    with pytest.raises(UsageError, match=r"allows 4 replies.*--decode free"):
        legal_replies(start("snake"))


def test_replies_that_a_tokenizer_writes_alike_are_one_line(nano):
    nano = load_language_agent("nano", sampling=CHOICE)
    nano._replies._tokenizer = type("T", (), {"encode": lambda self, text, add_special_tokens: [1]})()
    with pytest.raises(UsageError, match="alike"):
        nano.act([start("snake")])


# Specs


def test_a_spec_says_how_replies_are_drawn():
    agent = make_agent("nano[decode=choice]")
    assert agent.sampling == CHOICE
    assert make_agent("nano").sampling == Sampling()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("random[decode=choice]", "for language models, and random is none"),
        ("nano[decode=best]", "free or choice"),
        ("nano[temprature=1]", "unknown setting 'temprature'"),
    ],
)
def test_settings_that_cannot_be_meant(spec, says):
    with pytest.raises(UsageError, match=says):
        make_agent(spec)
