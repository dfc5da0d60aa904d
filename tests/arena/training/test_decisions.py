"""Training on replies that were drawn whole: the loss, its gradient and a run, beside naive loops."""

import random

import pytest
import torch

from arena.match.evaluate import evaluate
from arena.match.seating import LEARNER
from arena.training.language.decisions import decision_chunks
from arena.training.language.rollout import collect
from arena.training.msgrpo.batch import TokenBatch, token_batch
from arena.training.msgrpo.episodes import choose_episodes
from arena.training.msgrpo.learner import Learner
from arena.training.msgrpo.loss import episode_mean_weights, msgrpo_loss
from arena.training.start import train
from arena_agents.language.agent import load_language_agent
from arena_agents.registry import make_agent
from arena_games.registry import find_game
from tests.arena.training.echo import ECHO, save_tiny_model
from tests.arena.training.test_learning import SETTINGS

CHOICES = [((7, 8), (7, 9, 4), (11,)), ((5,), (6, 7)), ((4, 4, 2), (4, 4, 5), (4, 6), (3,)), ((9,),)]
STEPS = 14


def naive(model, prompt, choices, reply, temperature):
    """The log-probability of a reply among its choices, and the entropy: each choice in a pass of its own."""
    found = []
    for other in choices:
        logits = model(input_ids=torch.tensor([[*prompt, *other]])).logits[0]
        every = torch.log_softmax(logits, dim=-1)
        found.append(sum(every[len(prompt) - 1 + k, token] for k, token in enumerate(other)))
    weights = torch.stack(found) / temperature
    logprobs = weights - weights.logsumexp(0)
    return logprobs[choices.index(reply)], -(logprobs.exp() * logprobs).sum()


def make_batch(model, temperature, noise=0.3):
    """Steps of three episodes; several answer one question, alike and differently."""
    draw = random.Random(0)
    prompts = [tuple(draw.randrange(2, 64) for _ in range(length)) for length in (4, 17, 9, 12)]
    asked = [draw.randrange(4) for _ in range(STEPS)]
    steps = [(prompts[n], draw.choice(CHOICES[n]), CHOICES[n]) for n in asked]
    places = {step: place for place, step in enumerate(dict.fromkeys(steps))}
    with torch.no_grad():
        now = torch.stack([naive(model, p, c, y, temperature)[0] for p, y, c in steps])
    generator = torch.Generator().manual_seed(0)
    episodes = torch.tensor([n % 3 for n in range(STEPS)])
    batch = TokenBatch(
        prompts=tuple(prompt for prompt, _, _ in places),
        replies=tuple(reply for _, reply, _ in places),
        choices=tuple(choices for _, _, choices in places),
        sequence_N=torch.tensor([places[step] for step in steps]),
        old_logprobs_NK=(now + noise * torch.randn(STEPS, generator=generator))[:, None],
        weights_NK=episode_mean_weights(torch.ones(STEPS, 1), episodes),
        advantages_N=torch.randn(STEPS, generator=generator),
        episodes=3,
    )
    return batch, steps, episodes


@pytest.mark.parametrize("attention", ["sdpa", "eager"])  # with trees, and without
@pytest.mark.parametrize("micro_tokens", [1, 60, 100_000])
@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6}, {"beta": 0.2, "lora_rank": 4}])
def test_loss_and_gradient_are_those_of_a_loop_over_the_choices(
    tiny_model, msgrpo_config, settings, micro_tokens, attention
):
    tiny_model.set_attn_implementation(attention)
    config = msgrpo_config(decode="choice", micro_tokens=micro_tokens, max_grad_norm=1e9, **settings)
    batch, steps, episodes = make_batch(tiny_model, config.temperature)
    learner = Learner(tiny_model, config, 0)
    for name, parameter in learner.trained.parameters.items():
        if "lora_B" in name:  # a fresh adapter changes nothing
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))

    def table():
        return [naive(learner.model, p, c, y, config.temperature) for p, y, c in steps]

    reference = None
    if config.beta:
        with torch.no_grad(), learner.model.disable_adapter():
            reference = torch.stack([logprob for logprob, _ in table()])[:, None]
    found = table()
    loss, stats = msgrpo_loss(
        torch.stack([logprob for logprob, _ in found])[:, None],
        batch.old_logprobs_NK,
        reference,
        torch.ones(STEPS, 1),
        batch.advantages_N,
        episodes,
        beta=config.beta,
    )
    expected = torch.autograd.grad(loss, list(learner.trained.parameters.values()))
    entropy = float((batch.weights_NK[:, 0] * torch.stack([e.detach() for _, e in found])).sum())
    everything = list(range(len(batch.prompts)))
    whole, _ = learner._loss(batch, everything, 1.0)
    assert float(whole) == pytest.approx(float(loss), abs=1e-5)
    taken = learner._step(batch, everything)
    for parameter, wanted in zip(learner.trained.parameters.values(), expected, strict=True):
        assert torch.allclose(parameter.grad, wanted, atol=1e-5)
    assert max(float(wanted.abs().max()) for wanted in expected) > 1e-2
    assert taken["entropy"] == pytest.approx(entropy, abs=1e-5)
    for name, value in stats.items():
        if name != "kl":
            assert taken[name] == pytest.approx(float(value), abs=1e-5)


def test_what_answers_one_question_is_read_together(tiny_model):
    batch, _, _ = make_batch(tiny_model, 1.0)
    everything = list(range(len(batch.prompts)))
    chunks = list(decision_chunks(batch, everything, 1, branching=True))
    assert sorted(s for chunk in chunks for s in chunk) == everything
    assert len(chunks) == len({(batch.prompts[s], batch.choices[s]) for s in everything})
    assert all(len({batch.prompts[s] for s in chunk}) == 1 for chunk in chunks)


def test_log_probabilities_stored_are_those_that_the_trainer_reads(msgrpo_config):
    """So that the first ratio is 1."""
    agent = load_language_agent("nano").decoding("choice")
    rollout = collect(
        find_game("frozen-lake"), {LEARNER: agent}, list(range(4)), lambda start: (LEARNER,), repeats=6
    )
    config = msgrpo_config(decode="choice", keep=1.0)
    chosen = choose_episodes(rollout, config, torch.Generator().manual_seed(0))
    batch = token_batch(chosen, config)
    assert batch.old_logprobs_NK.shape[1] == batch.logprobs_each == 1
    learner = Learner(agent.engine.model, config, 0)
    found = learner.logprobs(batch)[batch.sequence_N]
    assert torch.allclose(found, batch.old_logprobs_NK, atol=1e-4)
    assert learner.kl_from_old(batch) < 1e-6


def test_a_tiny_random_model_learns_by_choice_and_its_policy_plays_so(tmp_path, monkeypatch):
    """From chance, 1 in 16, to hardly a mistake; it never learns to write."""
    monkeypatch.setattr("arena_games.registry._plug_ins", lambda: (ECHO,))
    spec, template = f"hf:{save_tiny_model(tmp_path / 'model')}", tmp_path / "template.txt"
    template.write_text("[user]\n{observation}\n")
    settings = SETTINGS | {"decode": "choice"}
    run = train("echo", spec, out=tmp_path / "run", steps=30, settings=settings, template=template)
    trained = make_agent(f"{run}/last")
    assert trained.sampling.decode == "choice"
    assert make_agent(f"{run}/last[decode=free]").sampling.decode == "free"
    (before,) = evaluate("x", make_agent(f"{spec}[decode=choice]", template=template), [ECHO], episodes=200)
    (after,) = evaluate("x", trained, [ECHO], episodes=200)
    assert (before.invalid_rate, after.invalid_rate) == (0, 0)
    assert before.success_rate < 0.15
    assert after.success_rate > 0.9
