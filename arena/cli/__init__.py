"""The command line: parse, call, catch."""

import gc

# Imports make some hundred thousand objects, of which none is garbage: looking for it every 700 of them takes
# a tenth of the time until a command says something.
gc.set_threshold(20_000)
