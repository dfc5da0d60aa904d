"""Chat formats: templates that refuse, drop or lack something, found out at load and kept with a policy."""

from __future__ import annotations

import json

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from arena.training.config import MsgrpoConfig
from arena.training.export.export import export_policy
from arena.training.language.start import Start
from arena.training.start import train
from arena_agents import Observation
from arena_agents.base import Sampling
from arena_agents.language.agent import load_language_agent
from arena_agents.language.chat import PLAIN_STOP, UNCHANGED, ChatFormat
from arena_agents.language.template import load_template
from arena_agents.nano import MODEL_DIR
from arena_agents.policy import load_policy
from arena_agents.registry import make_agent
from arena_agents.spec import asked, split_spec, template_settings, with_defaults
from arena_games.base import UsageError
from arena_games.registry import find_game
from tests.agents.odd_models import (
    DROPS_SYSTEM,
    KEEPS_SYSTEM,
    REFUSES_SYSTEM,
    THINKS_ALWAYS,
    THINKS_ON_DEMAND,
    copy_of_nano,
)

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Up or down?"}]
FOLDED = "<|im_start|>user\nBe brief.\n\nUp or down?<|im_end|>\n<|im_start|>assistant\n"
KEPT = FOLDED.replace("user\nBe brief.\n\n", "system\nBe brief.<|im_end|>\n<|im_start|>user\n")


def start(game: str = "frozen-lake", seed: int = 0) -> Observation:
    spec = find_game(game)
    env = spec.make_env()
    env.reset(seed=seed)
    view, names = env.observe("seat_0"), spec.action_names
    return Observation(
        game, 0, 0, view["text"], (0, 1, 2, 3), view["grid"], seed=seed, action_names=names, spec=spec
    )


def prompt(folder, settings=None):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = ChatFormat.of(tokenizer, settings)
    return chat, tokenizer.decode(chat.ids(tokenizer, MESSAGES))


@pytest.mark.parametrize(
    ("template", "folded", "expected"),
    [(REFUSES_SYSTEM, True, FOLDED), (DROPS_SYSTEM, True, FOLDED), (KEEPS_SYSTEM, False, KEPT)],
    ids=["refuses", "drops", "keeps"],
)
def test_a_system_message_that_a_template_does_not_take_is_folded(tmp_path, template, folded, expected):
    chat, text = prompt(copy_of_nano(tmp_path / "m", template))
    assert (chat.folded, text) == (folded, expected)


def test_a_template_that_says_so_leaves_the_system_message_out():
    chat, text = prompt(MODEL_DIR)
    assert chat == UNCHANGED
    assert "Be brief" not in text


def test_folding_keeps_the_other_messages(tmp_path):
    turns = [*MESSAGES, {"role": "assistant", "content": "Up"}, {"role": "user", "content": "And now?"}]
    sent = ChatFormat(folded=True).sent(turns)
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[0]["content"] == "Be brief.\n\nUp or down?"
    assert sent[1:] == turns[2:]
    assert ChatFormat(folded=True).sent(MESSAGES[:1]) == [{"role": "user", "content": "Be brief."}]
    assert ChatFormat(folded=True).sent(MESSAGES[1:]) == MESSAGES[1:]


@pytest.mark.parametrize("broken", ["{{ raise_exception('no') }}", "{{ nothing.there }}", "hello", "{% if"])
def test_a_template_that_fails_anyhow_is_one_line(tmp_path, broken):
    folder = copy_of_nano(tmp_path / "m", broken)
    with pytest.raises(UsageError, match="chat template") as caught:
        load_language_agent(f"hf:{folder}")
    assert str(folder) in str(caught.value)


def test_without_a_template_the_prompt_is_plain_text(tmp_path, caplog):
    folder = copy_of_nano(tmp_path / "m", None)
    chat, text = prompt(folder)
    assert (chat.plain, text) == (True, "Be brief.\n\nUp or down?\n")
    agent = load_language_agent(f"hf:{folder}", sampling=Sampling(max_new_tokens=4))
    assert agent.sampling.stop == ("</action>", PLAIN_STOP)
    assert len(agent.act([start()])[0].sample.token_ids) <= 4
    assert f"hf:{folder}: it has no chat template; prompts are plain text" in caplog.text
    with pytest.raises(UsageError, match="no chat template that could take enable_thinking"):
        agent.prompted({"enable_thinking": False})


def test_the_first_token_of_plain_text_is_there_once_and_no_end(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(copy_of_nano(tmp_path / "m", None))
    tokenizer.bos_token = "<|im_start|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A <|im_end|>", special_tokens=[("<|im_start|>", 1), ("<|im_end|>", 2)]
    )
    chat = ChatFormat.of(tokenizer)
    for content in ("Be brief.", "<|im_start|>Be brief."):
        ids = chat.ids(tokenizer, [{"role": "system", "content": content}, MESSAGES[1]])
        assert tokenizer.decode(ids) == "<|im_start|>Be brief.\n\nUp or down?\n"
        assert ids.count(1) == 1


def test_what_a_person_should_know_is_said_once(tmp_path, caplog):
    folder = copy_of_nano(tmp_path / "m", REFUSES_SYSTEM)
    for _ in range(2):
        load_language_agent(f"hf:{folder}")
    assert caplog.text.count("takes no system message") == 1


def test_settings_reach_the_template(tmp_path, caplog):
    folder = copy_of_nano(tmp_path / "m", THINKS_ON_DEMAND)
    agent = make_agent(f"hf:{folder}[chat_template.enable_thinking=false]")
    text = agent.tokenizer.decode(agent.prompt_ids(start()))
    assert text.endswith("assistant\n<think>\n\n</think>\n\n")
    assert agent.tokenizer.decode(make_agent(f"hf:{folder}").prompt_ids(start())).endswith("assistant\n")
    assert not caplog.text
    make_agent(f"hf:{folder}[chat_template.enable_thinkng=false]")
    assert "does not mention enable_thinkng" in caplog.text


@pytest.mark.parametrize("name", ["tokenize", "add_generation_prompt", "return_dict"])
def test_what_this_program_says_itself_is_no_setting(name):
    with pytest.raises(UsageError, match=f"{name} is set by this program"):
        make_agent(f"nano[chat_template.{name}=true]")


def test_options_become_settings_of_a_spec_that_lacks_them():
    said = asked(None, ["enable_thinking=false", "effort = low"])
    spec = with_defaults("qwen3-4b[chat_template.effort=high]", said)
    assert template_settings(spec) == {"enable_thinking": False, "effort": "high"}
    assert split_spec(spec)[0] == "qwen3-4b"
    assert with_defaults("nano", asked()) == "nano"
    for wrong in ("enable_thinking", "a b=1", "x=[1]"):
        with pytest.raises(UsageError, match="KEY=VALUE"):
            asked(None, [wrong])


def test_a_policy_is_prompted_as_in_training(tmp_path):
    """The card holds the format; the config holds the settings; the export tells a stranger of both."""
    folder = copy_of_nano(
        tmp_path / "m", REFUSES_SYSTEM.replace("<|im_start|>' +", "<|im_start|>' + mark|d('') +")
    )
    run = train(
        game="frozen-lake",
        agent=f"hf:{folder}",
        out=tmp_path / "run",
        steps=1,
        settings=[
            *("groups=1", "group_size=2", "eval_episodes=2", "lora_rank=4", "max_new_tokens=4"),
            "chat_template.mark=!",
        ],
    )
    assert json.loads((run / "config.json").read_text())["chat_template"] == {"mark": "!"}
    card = json.loads((run / "last" / "agent.json").read_text())
    assert card["chat"] == {"plain": False, "folded": True, "settings": {"mark": "!"}}
    policy = load_policy(run)
    untrained = make_agent(f"hf:{folder}[chat_template.mark=!]")
    assert policy.prompt_ids(start()) == untrained.prompt_ids(start())
    assert policy.tokenizer.decode(policy.prompt_ids(start())).startswith("<|im_start|>!user\nYou are")
    text = (export_policy(run, out=tmp_path / "out") / "README.md").read_text()
    assert "**{'mark': '!'}" in text
    assert '"system"' not in text


def test_a_policy_of_before_is_given_the_messages_as_they_are(tmp_path):
    run = train(
        game="frozen-lake",
        agent="nano",
        out=tmp_path / "run",
        steps=1,
        settings=["groups=1", "group_size=2", "eval_episodes=2"],
    )
    card = json.loads((run / "last" / "agent.json").read_text())
    del card["chat"], card["sampling"]["thinking_tokens"]
    (run / "last" / "agent.json").write_text(json.dumps(card))
    assert load_policy(run / "last").chat == UNCHANGED


def test_thinking_is_switched_by_the_prompt_alone(tmp_path):
    assert prompt(copy_of_nano(tmp_path / "m", THINKS_ALWAYS))[1].endswith("assistant\n<think>\n")


def test_training_goes_on_in_the_format_of_the_policy(tmp_path):
    """Before formats were stored a policy was given its messages as they are, whatever its template does."""
    sampling = {"temperature": 1.0, "stop": ["</action>"]}
    card = {"kind": "language", "base": "nano", "trained_on": "snake", "adapter": False}
    (tmp_path / "start").mkdir()
    for chat, expected in (
        ({}, UNCHANGED),
        ({"chat": ChatFormat(folded=True).card()}, ChatFormat(folded=True)),
    ):
        whole = {**card, "template": load_template().text(), "sampling": sampling, **chat}
        (tmp_path / "start" / "agent.json").write_text(json.dumps(whole))
        assert Start.of(MsgrpoConfig(game="snake", agent="nano"), tmp_path).chat == expected


@pytest.mark.parametrize("template", [KEEPS_SYSTEM, THINKS_ON_DEMAND])
def test_what_ends_a_reply_is_what_the_template_writes(tmp_path, template):
    tokenizer = AutoTokenizer.from_pretrained(copy_of_nano(tmp_path / "m", template))
    assert ChatFormat.of(tokenizer).after_reply(tokenizer) == "<|im_end|>\n"
    assert ChatFormat(plain=True).after_reply(tokenizer) == ""
