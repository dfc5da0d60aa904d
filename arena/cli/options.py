"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arena.cli import completion

RUNS = Path("runs")
TOURNAMENT = RUNS / "tournament"

Game = Annotated[
    str,
    typer.Argument(help="A game's name, module:SPEC or FILE.py:SPEC.", autocompletion=completion.games),
]
GameToLearn = Annotated[
    str | None,
    typer.Argument(
        help="A game's name or FILE.py:SPEC; not needed with --resume.", autocompletion=completion.games
    ),
]
Learner = Annotated[
    str | None,
    typer.Option(help="nano, qwen3b, hf:MODEL, a policy's folder, or dqn.", autocompletion=completion.agents),
]
Run = Annotated[Path, typer.Argument(help="A run's folder.", autocompletion=completion.runs)]
Seed = Annotated[int, typer.Option(min=0, help="Start of all randomness.")]
Template = Annotated[Path | None, typer.Option(help="Prompt template that replaces a language agent's.")]
Speed = Annotated[float | None, typer.Option(min=0.01, help="Steps a second.")]
Plain = Annotated[bool, typer.Option("--plain", help="Line by line, as in a pipe.")]
Engine = Annotated[
    str, typer.Option(help="What draws a language model's replies: auto, transformers or vllm.")
]
Decoding = Annotated[
    str | None,
    typer.Option(
        "--decode",
        help="How a language model's replies are drawn: free, or choice (whole, among the legal ones).",
    ),
]
ChatTemplate = Annotated[
    list[str] | None,
    typer.Option(
        "--chat-template",
        metavar="KEY=VALUE",
        help="A setting of language models' chat templates, as enable_thinking=false; repeat for more.",
    ),
]
Rethink = Annotated[
    int, typer.Option(min=0, help="Ask again so many times after a reply that cannot be read or played.")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run Python files and modules that the stored run names.")
]
Memory = Annotated[
    int | None,
    typer.Option(min=0, help="How many of its own last turns a language model is shown; the game's choice."),
]
Skins = Annotated[
    int | None,
    typer.Option(min=1, help="Also play each game in so many skins: other names, symbols and turned boards."),
]
Deadline = Annotated[float, typer.Option(min=0.01, help="Seconds an agent has for one call.")]
Games = Annotated[
    str,
    typer.Option(
        help="`all`, or names and FILE.py:SPEC, separated by commas.", autocompletion=completion.some_games
    ),
]
GameSet = Annotated[
    list[str] | None,
    typer.Option(
        "--game-set",
        metavar="KEY=VALUE",
        help="One of the game's numbers, as horizon=12; repeat for more. Short for GAME(KEY=VALUE,…).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InProcess = Annotated[
    bool, typer.Option("--in-process", help="Run classes and plug-ins in this process, to debug them.")
]
AgentMemory = Annotated[
    float | None,
    typer.Option(min=0.1, help="GiB that such an agent's process may take; half of the machine's."),
]
AgentCpu = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        help="Seconds of processor time it has for one call; what half of the cores have in its deadline.",
    ),
]
