"""The ten-line example of the README: an agent of one's own."""

from arena_agents import Agent, Observation


class Mine(Agent):
    """Plays any legal action, with equal chances, in every game."""

    def choose(self, observation: Observation) -> str:
        return f"<action>{observation.rng().choice(observation.legal_names)}</action>"
