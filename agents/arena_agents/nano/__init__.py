"""nano: a tiny language model, made by this project, in an ordinary Hugging Face folder.

`MODEL_DIR` is all that the rest of the program knows of it. `python -m arena_agents.nano.build`
makes that folder from nothing; its model card says how.
"""

from pathlib import Path

MODEL_DIR = Path(__file__).parent / "model"
