"""One arm of a launch: its own data, its own cache server, its own process, ended with the launch."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from rig.measure.gate.trees import Tree, in_tree, run, set_up
from rig.measure.origin_events import OriginEvents
from rig.measure.services.cache_server import cache_server
from rig.measure.services.process import Service
from rig.plan.target import TargetConfig

READY_S = 60.0
_OF_A_LAUNCH = re.compile(r"\{(port|data|cache)\}")
ARMS = ("baseline", "candidate")


@dataclass(frozen=True, slots=True)
class Arm:
    """A server that answers. ``service`` and ``events`` None: it is not rig's own."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every write."""
    service: Service | None = None
    events: OriginEvents | None = None
    cpus: str | None = None
    others: tuple[Service, ...] = ()
    """Its cache server."""

    def pin(self) -> None:
        """Bind what it runs to its CPUs. Not while it starts: two arms that start on one CPU take twice as long."""
        if self.cpus is None:
            return
        chosen = {int(cpu) for cpu in self.cpus.split(",")}
        for service in filter(None, (self.service, *self.others)):
            for process in service.tree():
                # A thread that ended meanwhile needs no CPU, and one that begins has that of its maker.
                with contextlib.suppress(psutil.Error, OSError):
                    for thread in process.threads():
                        os.sched_setaffinity(thread.id, chosen)

    def cpu_s(self) -> float | None:
        """Processor seconds its living processes have used, its cache server's too; None where they are not rig's."""
        if self.service is None:
            return None
        return sum(one.cpu_s() for one in (self.service, *self.others))

    def ended(self) -> str | None:
        """What to say if it is gone."""
        if self.service is None or self.service.alive:
            return None
        return f"{self.name}: its server ended by itself; {self.service.last_words()}"


class Arms(Protocol):
    """Where a launch's two arms come from."""

    def launch(self, number: int) -> AbstractContextManager[tuple[Arm, Arm]]:
        """Both arms, baseline first, for as long as the block lasts."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Two servers that run already."""

    baseline: str
    candidate: str

    @contextmanager
    def launch(self, number: int) -> Iterator[tuple[Arm, Arm]]:
        """The same two every time."""
        yield Arm("baseline", self.baseline), Arm("candidate", self.candidate)


@dataclass(frozen=True, slots=True)
class Builds:
    """Two trees of one project, each started as its configuration says; ``folder`` takes their data and logs."""

    target: TargetConfig
    trees: tuple[Tree, Tree]
    ports: tuple[int, int]
    folder: Path
    cpus: str | None
    strategy: str | None = None

    def set_up(self, say: Callable[[str], None]) -> None:
        """Run ``setup`` in each tree, once where both are one."""
        for tree in dict.fromkeys(self.trees):
            # No arm is launched yet: what names its port, data or cache has no meaning.
            fixed = {name: value for name, value in self.target.env.items() if not _OF_A_LAUNCH.search(value)}
            env = {name: value.replace("{tree}", str(tree.path)) for name, value in fixed.items()}
            set_up(tree, self.target, env, self.folder / "setup.log", say)

    @contextmanager
    def launch(self, number: int) -> Iterator[tuple[Arm, Arm]]:
        """Both started at once, with fresh data; every second launch with their ports swapped."""
        ports = self.ports if number % 2 else self.ports[::-1]
        stacks = (ExitStack(), ExitStack())
        with ThreadPoolExecutor(2) as pool:
            try:
                # Whoever is first has the machine to itself for a moment: they take turns.
                order = (0, 1) if number % 4 < 2 else (1, 0)
                begun = {side: pool.submit(self._start, side, ports[side], number, stacks[side]) for side in order}
                baseline, candidate = begun[0].result(), begun[1].result()
                yield baseline, candidate
            finally:
                wait(begun.values())
                for ended in [pool.submit(stack.close) for stack in stacks]:
                    ended.result()

    def _start(self, side: int, port: int, number: int, stack: ExitStack) -> Arm:
        name, tree = ARMS[side], self.trees[side]
        # Whole: what is started stands in its tree, not where rig was called.
        data = self.folder.resolve() / "data" / f"{number}-{name}"
        data.mkdir(parents=True)
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        log = self.folder / f"{name}.log"
        url, others = None, []
        if self.target.wants_cache:
            cache = stack.enter_context(cache_server(data, None))
            url, others = cache.url, [cache.service] if cache.service else []
        token = secrets.token_urlsafe(24)
        events = data / "events"
        events.mkdir()
        env = self._env(tree, data, port, url)
        env |= {"RIG_MEASURE": "1", "RIG_EVENT_DIR": str(events)}
        for command in self.target.seed:
            run(self._filled(command, tree, data, port, url), tree, env, log, what="seed")
        serve = self._filled(self.target.serve, tree, data, port, url)
        service = Service(name, in_tree(tree, env, serve), log=log, env={"RIG_TOKEN": token})
        stack.callback(service.stop)
        arm = Arm(
            name,
            f"http://127.0.0.1:{port}",
            {"X-Rig-Token": token},
            service,
            OriginEvents(events),
            self.cpus,
            tuple(others),
        )
        service.wait_ready(lambda: answers(arm.url + self.target.ready), READY_S)
        return arm

    def _env(self, tree: Tree, data: Path, port: int, cache: str | None) -> dict[str, str]:
        own = {"CACHE_STRATEGY": self.strategy} if self.strategy else {}
        filled = {name: self._filled(value, tree, data, port, cache) for name, value in self.target.env.items()}
        return {**tree.env(), **filled, **own}

    @staticmethod
    def _filled(text: str, tree: Tree, data: Path, port: int, cache: str | None) -> str:
        known = {"tree": str(tree.path), "data": str(data), "port": port, "cache": cache}
        for name, value in known.items():
            if value is not None:
                text = text.replace("{" + name + "}", str(value))
        return text


def answers(url: str) -> bool:
    """Whether ``url`` answers with a status below 400."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return bool(response.status < 400)
    except (urllib.error.URLError, OSError, ValueError):
        return False
