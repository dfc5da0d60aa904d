"""The language agent: its template, its engine, and the model that ships with the package."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena_agents import Observation
from arena_agents.base import Sampling
from arena_agents.causal_lm.load import load_model
from arena_agents.engines.sampling import sample_tokens
from arena_agents.engines.transformers import TransformersEngine
from arena_agents.language.agent import load_language_agent
from arena_agents.language.template import PromptTemplate, load_template
from arena_agents.nano import MODEL_DIR
from arena_agents.random import RandomAgent
from arena_agents.registry import make_agent
from arena_games.base import UsageError
from arena_games.registry import find_game, game_specs

SHORT = Sampling(max_new_tokens=8)


@pytest.fixture(scope="module")
def nano():
    return load_language_agent("nano", sampling=SHORT)


def start(game, seed=0):
    spec = find_game(game)
    env = spec.make_env()
    env.reset(seed=seed)
    view, names = env.observe("seat_0"), spec.action_names
    return Observation(
        game, 0, 0, view["text"], (0, 1, 2, 3), view["grid"], seed=seed, action_names=names, spec=spec
    )


def test_the_default_template_tells_the_game_and_the_reply_format():
    spec = find_game("snake-poison")
    system, user = load_template().messages(spec, start("snake-poison"))
    assert all(rule in system["content"] for rule in spec.rules)
    assert all(f"{name}: {text}" in system["content"] for name, text in spec.actions.items())
    assert "<plan>" in system["content"]
    assert "<action>up</action>" in system["content"]
    assert user == {"role": "user", "content": start("snake-poison").text}


def test_a_template_can_be_replaced_and_is_read_back(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("[user]\nGoal: {success}. {history}{observation}\nGo!")
    template = load_template(file)
    (message,) = template.messages(find_game("snake"), start("snake"))
    assert message["content"].startswith("Goal: alive at the horizon. Snake, 7x7")
    assert PromptTemplate.parse(template.text()) == template


@pytest.mark.parametrize(
    ("text", "problem"),
    [("no sections", "user"), ("[user]\nhello", "observation"), ("[user]\n{observation}{foo}", "foo")],
)
def test_a_bad_template_is_one_line_with_the_remedy(tmp_path, text, problem):
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(UsageError, match=problem):
        load_template(file)


@given(st.text())
def test_observations_are_never_interpreted_by_a_template(text):
    seen = Observation("snake", 0, 0, text + "{task}", (0,))
    messages = load_template().messages(find_game("snake"), seen)
    assert messages[-1]["content"] == text + "{task}"


def test_replies_do_not_depend_on_the_batch(nano):
    seen = [start("frozen-lake", seed) for seed in range(6)] + [start("snake", seed) for seed in range(6)]
    together = nano.act(seen)
    alone = [nano.act([one])[0] for one in seen]
    assert [r.text for r in together] == [r.text for r in alone]
    for a, b in zip(together, alone, strict=True):
        assert a.sample.logprobs == pytest.approx(b.sample.logprobs, abs=1e-4)


def test_samples_carry_the_log_probabilities_they_were_drawn_with(nano):
    (reply,) = nano.act([start("snake", 3)])
    sample = reply.sample
    ids = torch.tensor([[*sample.prompt_ids, *sample.token_ids]])
    with torch.no_grad():
        logits = nano.engine.model(input_ids=ids).logits[0, len(sample.prompt_ids) - 1 : -1]
    expected = torch.log_softmax(logits, -1)[range(len(sample.token_ids)), list(sample.token_ids)]
    assert sample.logprobs == pytest.approx(expected.tolist(), abs=1e-4)
    assert nano.tokenizer.decode(sample.token_ids) == reply.text


def test_greedy_decoding_equals_transformers_generate(nano):
    prompts = [nano.prompt_ids(start("frozen-lake", seed)) for seed in range(8)]
    greedy = Sampling(temperature=0, max_new_tokens=6, stop=())
    samples = nano.engine.generate(prompts, greedy, list(range(8)))
    for prompt, sample in zip(prompts, samples, strict=True):
        out = nano.engine.model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=6)
        assert list(sample.token_ids) == out[0, len(prompt) :].tolist()


def test_a_reply_ends_after_the_stop_string_or_the_token_limit(nano):
    prompt = nano.prompt_ids(start("snake"))
    for limit in (1, 2, 3):
        (sample,) = nano.engine.generate([prompt], Sampling(max_new_tokens=limit), [0])
        assert len(sample.token_ids) == limit
    (sample,) = nano.engine.generate([prompt], Sampling(max_new_tokens=50), [0])
    assert nano.tokenizer.decode(sample.token_ids).endswith("</action>")


def test_draws_have_the_frequencies_of_the_distribution():
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0]]).expand(40_000, -1)
    uniforms = torch.from_numpy(np.random.default_rng(0).random(40_000))
    ids, logprobs = sample_tokens(logits, Sampling(temperature=0.7), uniforms)
    expected = torch.softmax(logits[0] / 0.7, -1)
    assert (torch.bincount(ids, minlength=4) / 40_000).tolist() == pytest.approx(expected.tolist(), abs=0.01)
    assert logprobs.exp().tolist() == pytest.approx(expected[ids].tolist(), rel=1e-5)


@given(st.integers(1, 5), st.floats(0.05, 1.0), st.floats(0, 1, exclude_max=True))
def test_what_is_cut_off_is_never_drawn(top_k, top_p, uniform):
    logits = torch.tensor([[0.3, 1.0, -1.0, 2.0, 0.0]])
    ids, logprobs = sample_tokens(
        logits, Sampling(top_k=top_k, top_p=top_p), torch.tensor([uniform], dtype=torch.float64)
    )
    ranked = logits[0].argsort(descending=True).tolist()
    kept = ranked[:top_k]
    probabilities = torch.softmax(logits[0, kept], -1).tolist()
    inside = [token for n, token in enumerate(kept) if sum(probabilities[:n]) < top_p + 1e-6]
    assert ids.item() in inside
    assert logprobs.item() <= 1e-6


def test_nano_is_an_ordinary_folder_of_its_size():
    files = list(MODEL_DIR.iterdir())
    assert sum(file.stat().st_size for file in files) <= 8e6
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= {f.name for f in files}
    model, _ = load_model(str(MODEL_DIR))
    assert model.config.model_type == "qwen2"
    assert 0.4e6 <= sum(p.numel() for p in model.parameters()) <= 2e6


@pytest.mark.parametrize("spec", game_specs(), ids=lambda spec: spec.name)
def test_nano_knows_the_format_on_every_scenario(nano, spec):
    players = ("me",) + ("random",) * (spec.seats - 1)
    matches = [Match(spec, seed, players) for seed in range(40)]
    episodes = play(matches, {"me": nano, "random": RandomAgent()}, MatchConfig(concurrency=40))
    replies = [step.invalid is None for e in episodes for step in e.steps_of(0)]
    assert sum(replies) / len(replies) >= 0.97


def test_a_missing_model_names_the_ways_on(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"hf:PATH.*nano"):
        make_agent("hf:/no/such/model")


def test_an_engine_keeps_the_training_mode_of_its_model(nano):
    engine = TransformersEngine(nano.engine.model, nano.tokenizer)
    engine.model.train()
    engine.generate([nano.prompt_ids(start("snake"))], SHORT, [0])
    assert engine.model.training
    engine.model.eval()


def test_on_a_cpu_a_deadline_is_for_a_few_replies(nano):
    assert nano.at_once == 8
