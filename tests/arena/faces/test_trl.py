"""A game under TRL: its own trainer plays it by tool calls and learns from what the seat was paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from arena import UsageError
from arena.faces.session import Session
from arena.faces.trl import environment, starts
from arena.match.seeds import Split, episode_seed
from arena_agents.nano import MODEL_DIR
from arena_games.base import action_reply

# One legal move and one that costs the penalty, so that the episodes of a group differ.
CALLS = [
    f'<tool_call>\n{{"name": "move", "arguments": {{"action": "{action}"}}}}\n</tool_call>'
    for action in ("down", "fly")
]


def test_an_episode_by_tool_calls_is_the_sessions() -> None:
    env, session = environment("frozen-lake", format_penalty=0.5)(), Session("frozen-lake")
    first = session.new_game(episode_seed(Split.TRAIN, 3))
    assert first.text in env.reset(**starts("frozen-lake", 8)[3])
    rewards = 0.0
    for action in ("right", "jump", "down", "right", "down", "right", "down", "down", "down"):
        if session.observation is None:
            break
        moved, said = session.move(action_reply(action)), env.move(action)
        rewards += moved.reward - 0.5 * (action == "jump")
        assert (moved.observation.text if moved.observation else "The game is over") in said
    assert env.get_reward() == pytest.approx(rewards)
    assert "The game is over" in env.move("down") if session.observation is None else True
    env.reset(seed=3)
    assert env.get_reward() == 0.0


def test_rows_begin_alike_by_their_seed_only() -> None:
    rows, env = starts("snake", 4, seed=2), environment("snake")()
    assert [row["seed"] for row in rows] == [8, 9, 10, 11]
    seen = [env.reset(**row) for row in rows]
    assert len(set(seen)) == 4
    assert env.reset(**rows[1]) == seen[1]


def test_what_is_wrong_is_said_before_training() -> None:
    with pytest.raises(UsageError, match="unknown game"):
        environment("snakes")
    with pytest.raises(UsageError, match="no 7"):
        environment("snake", seat=7)


def taught_to_call(tokenizer: Any, rows: list[dict[str, Any]], env: Any) -> Any:
    """nano, after it has learned by heart to answer with a call of the tool."""
    from transformers import AddedToken, AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(MODEL_DIR)
    # One token for the whole of a call is soon learned.
    tokenizer.add_tokens([AddedToken(call, normalized=False) for call in CALLS])
    model.resize_token_embeddings(len(tokenizer))
    texts = []
    for row in rows:
        told = [{**row["prompt"][0], "content": row["prompt"][0]["content"] + env.reset(**row)}]
        ids = tokenizer.apply_chat_template(
            told, tools=[env.move], add_generation_prompt=True, return_dict=False
        )
        texts += [(ids, tokenizer.encode(call + "<|im_end|>")) for call in CALLS]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(24):
        prompt, call = texts[step % len(texts)]
        labels = torch.tensor([[-100] * len(prompt) + call])
        model(torch.tensor([prompt + call]), labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def test_trl_takes_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trl, datasets = pytest.importorskip("trl"), pytest.importorskip("datasets")
    from transformers import AutoTokenizer
    from trl.chat_template_utils import qwen3_chat_template

    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR)
    tokenizer.chat_template = qwen3_chat_template
    rows, kind = starts("frozen-lake", 2), environment("frozen-lake")
    played: list[str] = []
    move = kind.move
    monkeypatch.setattr(kind, "move", noted(move, played))
    model = taught_to_call(tokenizer, rows, kind())
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    trainer = trl.GRPOTrainer(
        model,
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=1400,
            max_steps=1,
            learning_rate=1e-3,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        environment_factory=kind,
    )
    trainer.train()
    (row,) = [row for row in trainer.state.log_history if "reward" in row]
    assert {"down", "fly"} <= set(played)
    assert row["reward_std"] > 0
    assert row["tools/call_frequency"] > 0
    assert row["tools/failure_frequency"] == 0
    assert "rewards/FrozenLake/mean" in row
    assert any(not torch.equal(before[name], weight) for name, weight in model.named_parameters())


def noted(move: Any, played: list[str]) -> Any:
    """The tool, whose calls are written down; it keeps its name and words, which TRL shows the model."""
    from functools import wraps

    @wraps(move)
    def move_(self: Any, action: str) -> str:
        played.append(action)
        return str(move(self, action))

    return move_
