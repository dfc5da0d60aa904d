"""Teaching by example: what is taught, by which loss, and that a run repeats and survives kill −9."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from arena.match.evaluate import evaluate
from arena.record.store import recorded_episodes
from arena.tournament.teach import sft
from arena.training.export.export import export_policy
from arena.training.settings import new_sft_config
from arena.training.sft.config import SftConfig
from arena.training.sft.examples import (
    NoisyPlayer,
    as_examples,
    best_decisions,
    read_examples,
    taught_decisions,
    write_examples,
)
from arena.training.sft.learner import SftLearner
from arena.training.sft.tokens import end_of_turn, lessons
from arena.training.start import train
from arena_agents import Agent
from arena_agents.language.agent import load_language_agent
from arena_agents.language.template import load_template
from arena_agents.nano import MODEL_DIR
from arena_agents.registry import make_agent
from arena_agents.search.agent import action_values, best_actions
from arena_games.base import UsageError
from arena_games.registry import find_game

LAKE = find_game("frozen-lake")
GUIDE = Path(__file__).parents[3] / "examples" / "lake_guide.py"
TINY = ["batch_size=4", "eval_episodes=4", "eval_every=2", "checkpoint_every=2"]
TIMES = ("seconds", "peak_memory")


def config(**settings):
    return SftConfig(
        **{"game": "frozen-lake", "agent": "nano", "teacher": "search", "lora_rank": 0, **settings}
    )


def metrics(folder):
    rows = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if not k.startswith(TIMES)} for row in rows]


def taught(folder, *, teacher="search", steps=4, seed=0, agent="nano", episodes=8, settings=()):
    return sft(
        **{"game": "frozen-lake", "agent": agent, "teacher": teacher, "episodes": episodes, "seed": seed},
        **{"steps": steps, "out": folder, "settings": [*TINY, *settings]},
    )


# What is taught.


class Recording(Agent):
    """Passes on what another agent plays, and remembers it."""

    def __init__(self, agent):
        self.agent, self.played = agent, {}

    def act(self, observations):
        replies = self.agent.act(observations)
        self.played |= {o.seed: reply.text for o, reply in zip(observations, replies, strict=True)}
        return replies


def test_labels_are_the_teachers_where_noise_led_too():
    episodes = taught_decisions(LAKE, make_agent("search"), config(episodes=40, noise=0.5))
    decisions = [decision for episode in episodes for decision in episode]
    assert len(episodes) == 40
    assert all(LAKE.action_names.index(name) in best_actions(seen) for seen, name, _ in decisions)
    # Where the next state is not the one that the label leads to, somebody strayed, and was taught on.
    assert len(decisions) > 150


def test_the_player_strays_as_often_as_it_is_told_and_the_label_stays():
    from arena.match.match import Match
    from arena.match.play import play

    player = NoisyPlayer(make_agent("search"), LAKE, noise=0.4)
    seen = Recording(player)
    for seed in range(60):
        list(play([Match(LAKE, seed, ("me",))], {"me": seen}))
    labels = {seed: f"<action>{name}</action>" for seed, (_, name, _) in player.decisions.items()}
    assert labels.keys() == seen.played.keys()
    # Of the random moves a quarter is the teacher's by chance.
    strayed = np.mean([labels[seed] != text for seed, text in seen.played.items()])
    assert abs(strayed - 0.4 * 0.75) < 0.1
    names = LAKE.action_names
    assert all(names.index(name) in best_actions(seen) for seen, name, _ in player.decisions.values())


def test_without_noise_the_teacher_plays():
    episodes = taught_decisions(LAKE, make_agent("search"), config(episodes=10, noise=0.0))
    assert all(len(episode) == 6 for episode in episodes)  # the shortest way; here no map has a longer one


class Mute(Agent):
    def choose(self, observation):
        return "no idea"


class Broken(Agent):
    def choose(self, observation):
        raise LookupError("never heard of it")


@pytest.mark.parametrize(
    ("teacher", "problem"), [(Mute(), "named an action"), (Broken(), "never heard of it")]
)
def test_a_teacher_without_an_answer_is_told_in_one_line(teacher, problem):
    with pytest.raises(UsageError, match=problem) as caught:
        taught_decisions(LAKE, teacher, config(episodes=3))
    assert "\n" not in str(caught.value)


def test_the_learners_seats_alone_are_taught():
    duel = find_game("snake-duel")
    episodes = taught_decisions(
        duel, make_agent("search"), config(game="snake-duel", opponents="random", episodes=4)
    )
    assert [{observation.seat for observation, *_ in episode} for episode in episodes] == [{0}, {1}, {0}, {1}]


@pytest.fixture(scope="module")
def tournament(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sft") / "tournament"
    command = [
        sys.executable,
        "-m",
        "arena",
        "tournament",
        "--games",
        "frozen-lake",
        "--agents",
        "search,random",
    ]
    subprocess.run([*command, "--matches", "6", "--out", str(folder)], check=True, capture_output=True)
    return folder


def test_a_tournaments_best_episodes_are_examples(tournament):
    assert recorded_episodes(MODEL_DIR, "frozen-lake") is None
    recorded = recorded_episodes(tournament, "frozen-lake")
    episodes = best_decisions(LAKE, recorded, config())
    assert len(episodes) == sum(sum(episode.successes) for episode in recorded)
    assert len(best_decisions(LAKE, recorded, config(episodes=2))) == 2
    for episode in episodes:  # each came to its goal
        assert 6 <= len(episode) <= LAKE.horizon
    with pytest.raises(UsageError, match="nobody had success on snake"):
        best_decisions(find_game("snake"), recorded_episodes(tournament, "snake"), config(game="snake"))


def test_a_teachers_words_are_taught_if_asked_for():
    guide = make_agent(f"{GUIDE}:LakeGuide")
    episodes = taught_decisions(LAKE, guide, config(episodes=20, noise=0.5))
    alone, words = (as_examples(LAKE, load_template(), episodes, words=said) for said in (False, True))
    for bare, example, (observation, name, _) in zip(alone, words, chain(*episodes), strict=True):
        assert bare.prompt == example.prompt
        assert bare.reply == f"<action>{name}</action>"
        assert example.reply.endswith(f"</plan>{bare.reply}")
        assert LAKE.parse(example.reply, observation) == LAKE.action_names.index(name)


def test_the_lake_guide_says_what_is_there_and_plays_as_search_does():
    guide = make_agent(f"{GUIDE}:LakeGuide")
    episodes = taught_decisions(LAKE, guide, config(episodes=20, noise=0.5))
    for observation, name, said in chain(*episodes):
        planes = np.asarray(observation.grid)
        ((y, x),) = np.argwhere(planes[0])
        told = dict(re.findall(r"(down|right)[^a-z]* (ice|hole|goal|wall)", said))
        for way, (right, up) in {"down": (0, -1), "right": (1, 0)}.items():
            at = (y + up, x + right)
            inside = at[0] >= 0 and at[1] < 4
            seen = ("hole" if planes[1][at] else "goal" if planes[2][at] else "ice") if inside else "wall"
            assert told[way] == seen
        hopeless = max(action_values(observation)) < 0.5
        assert hopeless or LAKE.action_names.index(name) in best_actions(observation)
    won = evaluate("guide", guide, [LAKE], episodes=50)[0].success_rate
    assert won == 1.0


def test_examples_come_back_as_they_were_stored(tmp_path):
    episodes = taught_decisions(LAKE, make_agent("search"), config(episodes=3))
    examples = as_examples(LAKE, load_template(), episodes)
    write_examples(tmp_path / "examples.jsonl", examples)
    assert read_examples(tmp_path / "examples.jsonl") == examples
    row = json.loads((tmp_path / "examples.jsonl").read_text().splitlines()[0])
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    assert row["completion"][0]["content"].startswith("<action>")
    (tmp_path / "examples.jsonl").write_text("{}")
    with pytest.raises(UsageError, match="cannot read"):
        read_examples(tmp_path / "examples.jsonl")


def test_a_lesson_is_what_the_policy_sees_and_what_ends_its_reply():
    agent = load_language_agent("nano")
    episodes = taught_decisions(LAKE, make_agent("search"), config(episodes=3))
    examples = as_examples(LAKE, agent.template, episodes)
    taught = lessons([*examples, *examples], agent)
    assert len(taught.of_decision) == 2 * len(examples)
    assert len(taught.texts.prompts) <= len(examples)
    (observation, name, _), place = episodes[0][0], taught.of_decision[0]
    assert taught.texts.prompts[place] == agent.prompt_ids(observation)
    text = agent.tokenizer.decode(taught.texts.replies[place])
    assert text == f"<action>{name}</action><|im_end|>"


@pytest.mark.parametrize(
    ("template", "end"),
    [
        ("{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}<|im_end|>{% endfor %}", "<|im_end|>"),
        (
            "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}\n<|im_end|>{% endfor %}",
            "\n<|im_end|>",
        ),
        ("{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}", "<|im_end|>"),
    ],
)
def test_a_turn_ends_as_the_chat_template_ends_it(template, end):
    agent = load_language_agent("nano")
    agent.tokenizer.chat_template = template
    assert agent.tokenizer.decode(end_of_turn(agent)) == end


# The loss.


@pytest.mark.parametrize("micro_tokens", [1, 100_000])
def test_loss_and_gradient_are_a_naive_loops(tiny_model, micro_tokens):
    from arena.training.language.sequences import Sequences

    draw = torch.Generator().manual_seed(0)
    texts = Sequences(
        tuple(tuple(torch.randint(2, 64, (9 + n,), generator=draw).tolist()) for n in range(4)),
        tuple(tuple(torch.randint(2, 64, (2 + n % 3,), generator=draw).tolist()) for n in range(4)),
    )
    decisions = [0, 1, 1, 3, 3, 3]
    total, tokens = torch.zeros(()), 0
    for example in decisions:
        prompt, reply = texts.prompts[example], texts.replies[example]
        logits = tiny_model(torch.tensor([[*prompt, *reply]])).logits[0].log_softmax(-1)
        for place, token in enumerate(reply):
            total, tokens = total - logits[len(prompt) + place - 1, token], tokens + 1
    (total / tokens).backward()
    expected = {name: p.grad.clone() for name, p in tiny_model.named_parameters()}
    tiny_model.zero_grad()
    learner = SftLearner(tiny_model, config(micro_tokens=micro_tokens, max_grad_norm=1e9), 0)
    learner.trained.optimizer.zero_grad = lambda: None  # so that the gradient can be looked at
    stats = learner.update(texts, decisions, rate=0.0)
    assert stats["loss"] == pytest.approx(total.item() / tokens, rel=1e-5)
    for name, parameter in learner.trained.parameters.items():
        assert torch.allclose(parameter.grad, expected[name], atol=1e-6)


# Runs.


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return taught(tmp_path_factory.mktemp("undisturbed") / "run")


def test_the_same_seed_gives_the_same_run_and_another_does_not(undisturbed, tmp_path):
    assert metrics(taught(tmp_path / "same")) == metrics(undisturbed)
    assert metrics(taught(tmp_path / "other", seed=1)) != metrics(undisturbed)


def test_a_run_holds_all_that_is_promised(undisturbed):
    rows = metrics(undisturbed)
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4]
    assert all({"loss", "entropy", "grad_norm", "episodes", "epoch"} <= row.keys() for row in rows[1:])
    assert rows[2]["eval/return"] is not None
    for name in (
        "config.json",
        "environment.json",
        "examples.jsonl",
        "best/agent.json",
        "last/agent.json",
    ):
        assert (undisturbed / name).is_file()
    assert json.loads((undisturbed / "config.json").read_text())["algorithm"] == "sft"


@pytest.mark.parametrize("after", [1, 3])
def test_kill_9_and_resume_give_the_undisturbed_run(undisturbed, tmp_path, after):
    folder = tmp_path / "killed"
    options = [word for setting in TINY for word in ("--set", setting)]
    command = [sys.executable, "-m", "arena", "sft", "frozen-lake", "--agent", "nano", "--teacher", "search"]
    process = subprocess.Popen(
        [*command, "--episodes", "8", "--steps", "4", "--out", str(folder), *options],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while not (folder / "metrics.jsonl").exists() or len(metrics(folder)) <= after:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    sft(game=None, agent=None, teacher=None, resume=folder)
    assert metrics(folder) == metrics(undisturbed)
    for policy in ("best", "last"):
        weights = Path(policy) / "model.safetensors"
        assert (folder / weights).read_bytes() == (undisturbed / weights).read_bytes()


def test_an_exported_policy_says_that_it_was_taught(undisturbed, tmp_path):
    card = (export_policy(undisturbed, out=tmp_path / "exported") / "README.md").read_text()
    assert "by example: decisions of `search`, seed 0" in card
    assert "MS-GRPO" not in card


def test_a_dqn_is_trained_first_to_teach(tmp_path, monkeypatch):
    monkeypatch.setattr("arena.training.sft.teacher.dqn_preset", lambda game: {"steps": 1, "episodes": 4})
    run = taught(tmp_path / "run", teacher="dqn", steps=1)
    assert (run / "teacher" / "last" / "agent.json").is_file()
    assert read_examples(run / "examples.jsonl")


def test_a_tournament_teaches(tournament, tmp_path):
    run = taught(tmp_path / "run", teacher=str(tournament), steps=1)
    assert {example.reply for example in read_examples(run / "examples.jsonl")} <= {
        f"<action>{name}</action>" for name in LAKE.action_names
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"teacher": None}, "which teacher"),
        ({"teacher": "serach"}, "did you mean 'search'"),
        ({"agent": "search"}, "cannot train"),
        ({"noise": 2.0}, "noise"),
    ],
)
def test_what_cannot_be_taught_is_one_line_and_leaves_nothing(tmp_path, given, problem):
    asked = {"game": "frozen-lake", "agent": "nano", "teacher": "search", "episodes": 2, **given}
    with pytest.raises(UsageError, match=problem) as caught:
        sft(**asked, out=tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_named_options_come_last():
    given = {"game": "snake", "agent": "nano", "teacher": "search", "noise": 0.1}
    made = new_sft_config(given, ["noise=0.9", "best=0.25"], None)
    assert (made.noise, made.best, made.lora_rank) == (0.1, 0.25, 0)


def untrained(folder):
    """A model of nano's shape that has never seen a game, as a folder."""
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(MODEL_DIR)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(MODEL_DIR).save_pretrained(folder)
    return f"hf:{folder}"


def test_an_untrained_model_learns_to_reply(tmp_path):
    settings = [
        "batch_size=16",
        "eval_episodes=20",
        "eval_every=40",
        "learning_rate=3e-3",
        "max_new_tokens=12",
        "lora_rank=0",
    ]
    agent = untrained(tmp_path / "model")
    run = taught(tmp_path / "run", agent=agent, steps=40, episodes=64, settings=settings)
    first, *_, last = metrics(run)
    assert first["eval/invalid_rate"] > 0.9
    assert last["eval/invalid_rate"] < 0.1
    assert last["loss"] < 0.5


@pytest.mark.slow
def test_nano_is_taught_frozen_lake_and_learns_the_rest_by_playing(tmp_path):
    """On 300 test episodes: under 35 %, then at least 70 % by examples, then at least 92 % by playing."""

    def success(agent):
        return evaluate("it", make_agent(agent), [LAKE], episodes=300, seed=0)[0].success_rate

    run = sft("frozen-lake", "nano", "search", out=tmp_path / "taught")
    learned = train("frozen-lake", str(run), out=tmp_path / "learned")
    assert success("nano") <= 0.35
    assert success(str(run)) >= 0.70
    assert success(str(learned)) >= 0.92
