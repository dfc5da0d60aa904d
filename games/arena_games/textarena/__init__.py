"""The games of TextArena (Guertler et al. 2025, arXiv 2504.11442): `textarena:ID(players=N,key=value,…)`.

Nothing here is imported before such a game is asked for; it needs the extra `textarena`.
"""
