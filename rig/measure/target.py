"""The target's HTTP contract, client side (docs/target-contract.md)."""

from __future__ import annotations

import http.client
import json
import math
import statistics
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rig.model import InfrastructureError

CONTRACT = "rig.target/1"
_TIMEOUT_S = 40.0
_PROJECTS_OWN = ("seed", "settle", "disturb")
"""Endpoints that answer 404, too, where the project gave no function for them; identity has told the token's right."""


@dataclass(frozen=True, slots=True)
class Target:
    """One measured target and the token of its control endpoints."""

    url: str
    token: str

    def identity(self) -> dict[str, Any]:
        """Who answers.

        Raises:
            InfrastructureError: it does not answer, is not in measurement mode, or speaks another contract.
        """
        answer = self._control("identity", {})
        if answer.get("contract") != CONTRACT:
            raise InfrastructureError(
                f"target {self.url}: speaks contract {answer.get('contract')!r}, this rig speaks {CONTRACT!r}"
            )
        return answer

    def reset(self, parameters: Mapping[str, Any]) -> int:
        """Begin a new epoch with an empty cache; returns its number.

        Raises:
            InfrastructureError: recomputes of the old epoch stayed open past the deadline, or it does not say.
        """
        match self._control("reset", {"parameters": dict(parameters)}):
            case {"ok": True, "epoch": int(epoch)}:
                return epoch
            case {"ok": False, "open_recomputes": still_open}:
                raise InfrastructureError(
                    f"target {self.url}: {still_open} recomputes still open after reset; restart it"
                )
        raise InfrastructureError(f"target {self.url}: /__rig__/reset did not answer with 'ok' and 'epoch'")

    def seed(self, strategy: str, entries: Mapping[str, float | None]) -> None:
        """Store entries now; the number is the share of its time to live each has left."""
        self._control("seed", {"strategy": strategy, "entries": dict(entries)})

    def settle(self, strategy: str, sample: int | None, seed: int) -> dict[str, Any]:
        """Compare the cache with the database after traffic stopped: all versions, ``sample`` bodies (None: all)."""
        return self._control("settle", {"strategy": strategy, "sample": sample, "seed": seed})

    def disturb(self, kind: str, strategy: str, **parameters: Any) -> float:
        """Make something go wrong in the target; returns the monotonic second since which it is so."""
        answer = self._control("disturb", {"kind": kind, "strategy": strategy, **parameters})
        return float(answer["at_ns"]) / 1e9

    def exercise(self, path: str, strategy: str, connections: int) -> None:
        """Read ``path`` over many connections at once on an empty cache: every server thread opens its database
        connection and loads its templates now, not in a trial.
        """
        self.reset({})
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(lambda _: self._get(path, {"X-Cache-Strategy": strategy}), range(connections)))

    def recompute_alone_ms(self, path: str, strategy: str, times: int) -> float:
        """Median origin time of ``times`` cold reads of ``path``, one after the other.

        Raises:
            InfrastructureError: a response did not say how long its recompute took.
        """
        seen = []
        for _ in range(times):
            self.reset({})
            headers = self._get(path, {"X-Cache-Strategy": strategy})
            part = _server_timing(headers.get("Server-Timing") or "", "origin")
            if headers.get("X-Cache") != "MISS" or part is None:
                raise InfrastructureError(
                    f"target {self.url}{path}: a read of an empty cache answered X-Cache {headers.get('X-Cache')!r}"
                    " without a Server-Timing 'origin'; rig cannot tell how long a recompute takes"
                )
            seen.append(part)
        return statistics.median(seen)

    def _control(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        text = json.dumps(body).encode()
        response, content = self._exchange("POST", f"/__rig__/{name}", {"X-Rig-Token": self.token}, text)
        if response.status == 404:
            remedy = (
                f"give Hooks({name}=…), which a run needs (docs/target-contract.md)"
                if name in _PROJECTS_OWN
                else "start it with RIG_MEASURE=1 and the same RIG_TOKEN"
            )
            raise InfrastructureError(f"target {self.url}: has no /__rig__/{name} for this token; {remedy}")
        if response.status != 200:
            said = content[:120].decode(errors="replace")
            raise InfrastructureError(f"target {self.url}: /__rig__/{name} answered {response.status} ({said})")
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise InfrastructureError(f"target {self.url}: /__rig__/{name} answered no JSON object")
        return answer

    def _get(self, path: str, headers: Mapping[str, str]) -> http.client.HTTPMessage:
        response, _ = self._exchange("GET", path, headers, None)
        if response.status != 200:
            raise InfrastructureError(f"target {self.url}{path}: answered {response.status}")
        return response.headers

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise InfrastructureError(f"target {self.url}: {method} {path} failed ({error})") from error
        finally:
            connection.close()


def _server_timing(header: str, name: str) -> float | None:
    for part in header.split(","):
        fields = [field.strip() for field in part.split(";")]
        if fields[0] == name:
            return next((_number(field[4:]) for field in fields if field.startswith("dur=")), None)
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text.strip('"'))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
