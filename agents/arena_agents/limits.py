"""How much is taken in from outside: every limit, in this one place.

What a person or a server may rightly send stays far below; what a game says of itself is bounded in
`arena_games`. Text that is longer is cut, and its end says how long it was (`cut`); a file or a number beyond
its limit is refused in one line.
"""

from __future__ import annotations

from collections.abc import Mapping

MIB = 2**20

# A server's answers.
LARGEST_ANSWER = 8 * MIB  # bytes, unpacked, whatever the status
LARGEST_REQUEST = 4 * MIB  # bytes that `arena serve` reads of one

# What agents and games say, in characters.
LONGEST_REPLY = 100_000
LONGEST_REASONING = 1_000_000
LONGEST_ERROR = 2_000
LONGEST_FINISH = 32  # the word for how a reply ended
LARGEST_FRAME = 64 * MIB  # bytes that an agent's process may answer at a time
LARGEST_COUNT = 2**63 - 1  # that a run's file can hold
LONGEST_OBSERVATION = 1_000_000
LARGEST_REWARD = 10**12  # points; sums and means of any number of them are numbers still

# What an agent says that a reply took.
MOST_TOKENS = 10**9
MOST_DOLLARS = 10**6

# Files, in bytes.
LARGEST_SETTINGS = 4 * MIB  # configs, cards, templates, prices
LARGEST_MODEL_JSON = 256 * MIB  # a tokenizer's vocabulary is the largest
LARGEST_TABLE = 1024 * MIB  # metrics.jsonl, examples.jsonl
LARGEST_TEXT = 256 * MIB  # one value in a run's file
LARGEST_PACKED = 4 * LONGEST_REASONING  # what one such value may say, unpacked: UTF-8 of the longest text
LARGEST_SEAL = 4_096
LARGEST_LEDGER = 64 * MIB  # of the shards that were merged

# Files of ours that grow, in bytes.
LARGEST_LOG = MIB  # what an agent prints
LARGEST_KEPT = 256 * MIB  # episodes.jsonl: a training that has kept so much keeps no more

# What a policy says of itself.
MOST_REPLY_TOKENS = 2**20  # of an answer, or of a thought
MOST_STOPS = 64
LONGEST_STOP = 1_000
LONGEST_NAME = 4_096  # of a game, an action, a base model
LARGEST_RANK = 4_096  # of an adapter
MOST_PLANES, LARGEST_SIDE = 1_024, 1_024  # of a game's grid
MOST_ACTIONS = 65_536
WIDEST_LAYER, WIDEST_VIEW = 8_192, 512  # of a DQN
MOST_PARAMETERS = 2**27  # of a DQN

# What a chat template may take for one short prompt.
TEMPLATE_CPU_S = 2
TEMPLATE_MEMORY = 512 * MIB

# What a run may be asked for.
MOST_MATCHES = 1_000_000  # of a tournament; episodes of an evaluation
LARGEST_NUMBER = 10**9  # any setting of a training, but for these
LARGEST_SETTINGS_OF_TRAINING: Mapping[str, int] = {
    "seed": 2**63 - 1,
    **dict.fromkeys(("steps", "updates", "eval_every", "checkpoint_every", "warmup", "target_every"), 10**7),
    **dict.fromkeys(("episodes", "eval_episodes", "confirm_episodes"), 10**6),
    **dict.fromkeys(("groups", "group_size", "batch_size"), 10**6),
    **dict.fromkeys(("epochs", "minibatches", "n_step"), 10**4),
    "tensor_parallel": 1_024,
    "lora_rank": LARGEST_RANK,
    "lora_alpha": 10**6,
    **dict.fromkeys(("max_new_tokens", "thinking_tokens"), MOST_REPLY_TOKENS),
    "capacity": 10**7,
    "hidden": WIDEST_LAYER,
    "radius": WIDEST_VIEW,
}
LONGEST_SETTING = LONGEST_NAME  # one that is text


def cut(text: str, limit: int) -> str:
    """The text, a longer one cut to `limit` characters, the last of which tell how many it had.

    A text that was cut stays as it is when it is cut again.
    """
    if len(text) <= limit:
        return text
    mark = f" … [cut: {len(text):,} characters]"
    return text[: max(0, limit - len(mark))] + mark[:limit]
