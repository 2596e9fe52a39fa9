"""What the person at the terminal sees: every program's lines behind its name, coloured where that works."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
WIDTH = 9


class Console:
    """Prints lines; gives every name a colour of its own on a terminal, unless NO_COLOR is set."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._names: list[str] = []

    def line(self, name: str, text: str) -> None:
        """One line of a program's output."""
        if name not in self._names:
            self._names.append(name)
        prefix = f"{name:<{WIDTH}}|"
        if self._coloured:
            prefix = f"\033[{COLOURS[self._names.index(name) % len(COLOURS)]}m{prefix}\033[0m"
        self._print(f"{prefix} {text}")

    def say(self, text: str) -> None:
        """A line of our own."""
        self._print(f"\033[1m{text}\033[0m" if self._coloured else text)

    def _print(self, text: str) -> None:
        with suppress(OSError, ValueError):  # the terminal or pipe is gone; the chat goes on
            print(text, file=self._stream, flush=True)
