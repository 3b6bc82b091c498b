"""Reading files that somebody else may have put into a run directory: never through links, never without a limit."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000


class UnreadableError(Exception):
    """Why a file cannot be used, in words that name it."""


def signature(path: Path) -> list[int] | None:
    """What changes when the file at ``path`` is replaced or appended to; None where there is none."""
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return None
    return [found.st_mtime_ns, found.st_size, found.st_ino]


def read_bytes(path: Path, most: int) -> bytes | None:
    """The content of a regular file of at most ``most`` bytes; None where there is none.

    Raises:
        UnreadableError: it is a link, a pipe or a folder, too large, or cannot be read.
    """
    try:
        # A pipe without a writer would keep us waiting for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        link = " (a symbolic link; links are not followed)" if path.is_symlink() else ""
        raise UnreadableError(f"{path.name}: cannot be opened: {error.strerror}{link}") from error
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadableError(f"{path.name}: not a regular file")
        if about.st_size > most:
            raise UnreadableError(f"{path.name}: {about.st_size:,} bytes, more than the {most:,} that are read")
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read(most)
    except OSError as error:
        raise UnreadableError(f"{path.name}: cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)


def read_object(path: Path, most: int) -> dict[str, Any] | None:
    """A JSON object; None where there is no such file.

    Raises:
        UnreadableError: as :func:`read_bytes`, or the content is no JSON object.
    """
    content = read_bytes(path, most)
    if content is None:
        return None
    try:
        found = json.loads(content)
    except RecursionError as error:
        raise UnreadableError(f"{path.name}: nested too deeply") from error
    except ValueError as error:
        raise UnreadableError(f"{path.name}: not JSON, perhaps half-written ({error})") from error
    if not isinstance(found, dict):
        raise UnreadableError(f"{path.name}: holds {type(found).__name__}, not an object")
    return found
