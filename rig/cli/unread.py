"""Output nobody reads any more (`rig run | head`): it is dropped, and the exit code stays that of what was done."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast


class Unread:
    """A text stream that goes on writing to nowhere when its reader is gone; else the stream itself.

    An error there would end a measurement under way, or turn a verdict's exit code into another.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write ``text``, or drop it."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        """Send what is buffered, or drop it."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._let_go()

    def _let_go(self) -> None:
        # By its number: what is still buffered, and what children inherit, goes there too.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def drop_unread() -> None:
    """Both streams of this process are :class:`Unread` from now on."""
    sys.stdout, sys.stderr = (cast(TextIO, Unread(stream)) for stream in (sys.stdout, sys.stderr))
