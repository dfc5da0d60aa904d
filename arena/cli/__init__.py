"""The command line: parse, call, catch."""

from arena.machine.garbage import look_seldom

look_seldom()  # before the imports, of which it takes a tenth
