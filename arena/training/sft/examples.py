"""Examples of good decisions: from a teacher who labels what a noisy player sees, or from a tournament.

Stored as `examples.jsonl` in the run's folder, one decision a line, in the conversational
prompt-completion format that trainers of language models share:

    {"prompt": [{"role": "system", …}, {"role": "user", …}],
     "completion": [{"role": "assistant", "content": "<action>right</action>"}], "episode": 0}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from arena.machine.files import write_text
from arena.match.episode import Episode, Step
from arena.match.match import Match, MatchConfig
from arena.match.play import play
from arena.match.seating import HOUSE, LEARNER, opponent_agents, refuse_unable, training_seating
from arena.match.seeds import Split, decision_seed, episode_seed
from arena.training.language.rollout import CONCURRENCY
from arena.training.sft.config import SftConfig
from arena_agents import Agent, Observation, Reply
from arena_agents.files import parse_json, read_text, validated
from arena_agents.language.template import PromptTemplate
from arena_agents.limits import LARGEST_TABLE
from arena_games.base import Action, GameSpec, Invalid, UsageError, action_reply

Messages = list[dict[str, str]]
# A state, the action that is taught there, by name, and the teacher's words.
Decision = tuple[Observation, str, str]


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, the reply that is taught, and the number of the episode that they are from."""

    prompt: Messages
    reply: str
    episode: int


class _Message(BaseModel):
    role: str
    content: str


class _Row(BaseModel):
    """A line of `examples.jsonl`."""

    prompt: list[_Message] = Field(min_length=1)
    completion: list[_Message] = Field(min_length=1, max_length=1)
    episode: int = Field(ge=0)


class NoisyPlayer(Agent):
    """Plays the teacher's action, or with probability `noise` a random legal one; remembers the former.

    `decisions` hold, by the decision's own seed, what it saw and what the teacher said; a reply of the
    teacher that names no legal action teaches nothing, and a random one is played.
    """

    name = "noisy player"

    def __init__(self, teacher: Agent, spec: GameSpec, noise: float) -> None:
        self.teacher, self.spec, self.noise = teacher, spec, noise
        self.decisions: dict[int, Decision] = {}
        self.unreadable = 0

    def act(self, observations: Sequence[Observation]) -> list[Reply]:
        told = self.teacher.act(observations)
        return [self._moved(o, reply) for o, reply in zip(observations, told, strict=True)]

    def _moved(self, observation: Observation, told: Reply) -> Reply:
        if told.error is not None:
            return told
        action = self.spec.parse(told.text, observation)
        rng = np.random.default_rng(decision_seed(observation.seed, 2))  # no draw of anyone else's
        strays, stray = rng.random() < self.noise, _any_action(observation, rng)
        if isinstance(action, Invalid):
            self.unreadable += 1
            strays = True
        else:
            self.decisions[observation.seed] = (observation, observation.name_of(action), told.text)
        played = stray if strays or isinstance(action, Invalid) else action
        return Reply(action_reply(observation.name_of(played)))


def _any_action(observation: Observation, rng: np.random.Generator) -> Action:
    """A legal action; in a game of free text one that it suggests, or nothing said."""
    if observation.legal:
        return int(rng.choice(observation.legal))
    return str(rng.choice(observation.names or [""]))


def taught_decisions(spec: GameSpec, teacher: Agent, config: SftConfig) -> list[list[Decision]]:
    """What the teacher says to the states of `config.episodes` training episodes, by episode.

    Episodes that an error ended are left out. Raises UsageError, with the first error, if all were.
    """
    refuse_unable(spec, [teacher], "name another teacher")
    player = NoisyPlayer(teacher, spec, config.noise)
    agents = {LEARNER: player, **opponent_agents(spec, config.opponents)}
    seating = training_seating(spec, config.opponents)
    matches = [
        Match(spec, episode_seed(Split.TRAIN, config.seed, i), seating(i)) for i in range(config.episodes)
    ]
    played = {e.id: e for e in play(matches, agents, MatchConfig(concurrency=CONCURRENCY))}
    episodes = [played[match.id] for match in matches if not played[match.id].failed]
    if not episodes:
        raise UsageError(f"teacher {config.teacher} cannot play {spec.name}: {played[matches[0].id].detail}")
    seeds = [[step.observation.seed for step in episode.steps] for episode in episodes]
    taught = [[player.decisions[seed] for seed in own if seed in player.decisions] for own in seeds]
    if not any(taught):
        raise UsageError(f"no reply of teacher {config.teacher} named an action of {spec.name}; name another")
    return taught


def best_decisions(spec: GameSpec, recorded: Iterable[Episode], config: SftConfig) -> list[list[Decision]]:
    """The readable decisions of the best `recorded` episodes, `config.episodes` of them at most, by episode.

    The best are those that the game calls a success for the seat (in a game against others: who won),
    and of these the share `config.best` with the highest returns, equals of the last one included.
    The house's seats do not count. Raises UsageError if there is no success.
    """
    wins = [won for episode in recorded if not episode.failed for won in _won(episode)]
    if not wins:
        raise UsageError(
            f"nobody had success on {spec.name} in {config.teacher}; name an agent, such as search"
        )
    ranked = sorted((episode.returns[seat] for episode, seat in wins), reverse=True)
    least = ranked[int(np.ceil(config.best * len(ranked))) - 1]
    best = [(e, seat) for e, seat in wins if e.returns[seat] >= least][: config.episodes]
    return [[_decision(spec, step) for step in e.steps_of(seat) if step.invalid is None] for e, seat in best]


def _decision(spec: GameSpec, step: Step) -> Decision:
    """What was decided, in the action's own words: a stored observation does not name its actions."""
    name = step.name or (step.action if isinstance(step.action, str) else spec.action_names[step.action])
    return step.observation, name, step.reply.text


def _won(episode: Episode) -> Iterator[tuple[Episode, int]]:
    for seat, player in enumerate(episode.players):
        if episode.successes[seat] and not player.startswith(HOUSE):
            yield episode, seat


def as_examples(
    spec: GameSpec, template: PromptTemplate, episodes: Sequence[Sequence[Decision]], *, words: bool = False
) -> list[Example]:
    """The decisions as the policy is asked and is to answer: by the action, or in the teacher's `words`."""
    return [
        Example(template.messages(spec, observation), said.strip() if words else action_reply(name), number)
        for number, decisions in enumerate(episodes)
        for observation, name, said in decisions
    ]


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Store the examples, whole or not at all."""
    rows = (
        {
            "prompt": example.prompt,
            "completion": [{"role": "assistant", "content": example.reply}],
            "episode": example.episode,
        }
        for example in examples
    )
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_examples(path: Path) -> list[Example]:
    """What `write_examples` stored. Raises UsageError if it cannot be read."""
    remedy = "start the run again"
    # Not `splitlines`: what a model says may hold other line ends, which JSON leaves as they are.
    lines = read_text(path, LARGEST_TABLE, remedy=remedy).removesuffix("\n").split("\n")
    rows = [validated(_Row, parse_json(line, path, remedy), path, remedy) for line in lines]
    return [
        Example([message.model_dump() for message in row.prompt], row.completion[0].content, row.episode)
        for row in rows
    ]
