"""Whether two arms answer the same: times of different answers say nothing about each other.

A page holds pieces that change with every request (tokens, times). What two requests to *one* arm do not agree on is
such a piece; everything else must agree between the arms.
"""

from __future__ import annotations

import http.client
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from rig.model import InfrastructureError
from rig.plan.target import Content

SIMILAR = 0.8
"""Share of the pieces that similar answers have in common."""
SIZE_FACTOR = 1.5
"""After a launch, pages differ by what was written and by what each cache still holds; not by half."""
_TIMEOUT_S = 20.0
_TRIES, _PAUSE_S = 4, 0.3
_PIECES = re.compile(rb"<[^>]*>|[^<\s,{}\[\]\"]+")
"""Tags and words; of JSON its names and values."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete response; ``pieces``: its tags and words, the arm's own address taken out."""

    status: int
    kind: str
    size: int
    pieces: tuple[bytes, ...]


def ask(url: str, path: str, headers: Mapping[str, str]) -> Answer:
    """GET ``path``.

    Raises:
        InfrastructureError: no complete response.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    made = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise InfrastructureError(f"{url}{path}: does not answer ({error})") from error
    finally:
        connection.close()
    kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    own = body.replace(parts.netloc.encode(), b"HOST")
    return Answer(response.status, kind, len(body), tuple(_PIECES.findall(own)))


def differences(
    urls: tuple[str, str], paths: Sequence[str], headers: Mapping[str, str], content: Content
) -> Iterator[str]:
    """Why the arms, just launched, can't be compared: a sentence for each path. ``urls``: baseline, candidate.

    Raises:
        InfrastructureError: one of them does not answer.
    """
    for path in paths:
        if found := _difference(urls, path, headers, content):
            yield found


def drifted(urls: tuple[str, str], paths: Sequence[str], headers: Mapping[str, str]) -> Iterator[str]:
    """Why the arms, at the end of a launch, can no longer be compared: status, type, or a size far apart."""
    for path in paths:
        try:
            baseline, candidate = (ask(url, path, headers) for url in urls)
        except InfrastructureError as error:
            yield f"{path}: {error}"
            continue
        if found := _apart(path, baseline, candidate):
            yield found
        elif max(baseline.size, candidate.size) > SIZE_FACTOR * max(1, min(baseline.size, candidate.size)):
            yield f"{path}: after the load the baseline answers {baseline.size} bytes, the candidate {candidate.size}"


def _difference(urls: tuple[str, str], path: str, headers: Mapping[str, str], content: Content) -> str | None:
    seen: tuple[list[Answer], list[Answer]] = ([], [])
    for attempt in range(_TRIES):
        time.sleep(_PAUSE_S if attempt else 0.0)  # Something that changes by the clock needs time to.
        # Both at once: a first answer may have to be computed.
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(_twice, url, path, headers) for url in urls]
            for answers, one in zip(seen, asked, strict=True):
                answers += one.result()
        if found := _apart(path, seen[0][-1], seen[1][-1]):
            return found
        if content == "any" or agree(*seen, content):
            return None
    return (
        f"{path}: the arms answer with different content; if the candidate is meant to, say --content similar or any,"
        " or target.content in rig.toml"
    )


def _twice(url: str, path: str, headers: Mapping[str, str]) -> list[Answer]:
    return [ask(url, path, headers) for _ in range(2)]


def _apart(path: str, baseline: Answer, candidate: Answer) -> str | None:
    for what, one, other in (
        ("status", baseline.status, candidate.status),
        ("content type", baseline.kind, candidate.kind),
    ):
        if one != other:
            return f"{path}: the baseline answers with {what} {one}, the candidate with {other}"
    if baseline.status >= 400:
        return f"{path}: both arms answer with status {baseline.status}"
    return None


def agree(baseline: Sequence[Answer], candidate: Sequence[Answer], content: Content) -> bool:
    """Whether both arms' answers are the same apart from what changes within an arm; or similar."""
    one, other = (_stable(answers) for answers in (baseline, candidate))
    if not one and not other:
        # Empty bodies are alike; those of which nothing stays from answer to answer can't be told.
        return not any(answer.pieces for answer in (*baseline, *candidate))
    if content == "same":
        return one == other
    common = (one & other).total()
    return common >= SIMILAR * max(one.total(), other.total())


def _stable(answers: Sequence[Answer]) -> Counter[bytes]:
    """The pieces that each answer of one arm has, as often as each has them."""
    first, *rest = (Counter(answer.pieces) for answer in answers)
    for one in rest:
        first &= one
    return first
