"""The id `tmsg-arena` of verifiers, which imports a module of that name."""

from arena.faces.verifiers import TmsgEnv, TmsgHarness, TmsgTaskset

__all__ = ["TmsgEnv", "TmsgHarness", "TmsgTaskset"]
