"""The baseline's files: a git worktree of its own, kept for the next gate, and an environment if the lock differs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.measure.services.process import Service
from rig.model import InfrastructureError, UsageError
from rig.plan.target import LOCKS, TargetConfig

WORK = Path(".rig") / "gate"
_READY = "rig-ready"


@dataclass(frozen=True, slots=True)
class Tree:
    """Checked out files and the environment their commands run in. ``revision``: what they are, for people."""

    path: Path
    programs: Path | None
    """Folder of the arm's ``python``; None: whatever PATH holds."""
    revision: str

    def env(self) -> dict[str, str]:
        """Commands find the tree's own programs and modules first: also those under ``src``, which an environment that
        both arms use may have installed from the candidate's files.
        """
        own = [str(folder) for folder in (self.path / "src", self.path) if folder.is_dir()]
        paths = [*own, *filter(None, [os.environ.get("PYTHONPATH")])]
        programs = [str(self.programs)] if self.programs else []
        return {
            "PATH": os.pathsep.join([*programs, os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
        }


def project_root(folder: Path) -> Path:
    """The top of the git working tree ``folder`` lies in; without git the folder itself."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except InfrastructureError:
        return folder.resolve()


def candidate_tree(root: Path) -> Tree:
    """The project as it lies there, uncommitted changes included."""
    try:
        revision = _git(root, "describe", "--always", "--dirty", "--exclude", "*")
    except InfrastructureError:
        revision = "working tree"
    return Tree(root, _programs(root), revision)


def baseline_tree(root: Path, ref: str, target: TargetConfig, candidate: Tree, say: Callable[[str], None]) -> Tree:
    """``ref`` in a worktree under ``.rig/gate``; one that is there already is used again.

    Raises:
        UsageError: there is no such revision, or its lock differs and ``target.install`` does not say what to do.
        InfrastructureError: git or an install command failed.
    """
    try:
        commit = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except InfrastructureError:
        raise UsageError(
            f"--baseline-ref {ref}: git knows no such revision here; fetch it (a shallow clone lacks history)"
        ) from None
    place = root / WORK / "trees" / commit[:12]
    if not (place / ".git").exists():
        say(f"baseline {ref} is checked out")
        _ignored(root / WORK.parts[0])
        _git(root, "worktree", "prune")
        _git(root, "worktree", "add", "--detach", "--force", str(place), commit)
    programs = candidate.programs
    if _lock(root, target) != _lock(place, target):
        programs = _installed(place, target, say)
    return Tree(place, programs, commit[:12])


def set_up(tree: Tree, target: TargetConfig, env: Mapping[str, str], log: Path, say: Callable[[str], None]) -> None:
    """Run the project's ``setup`` in ``tree``.

    Raises:
        InfrastructureError: a command failed; quotes its last line.
    """
    for command in target.setup:
        say(command)
        run(command, tree, env, log, what="setup")


def in_tree(tree: Tree, env: Mapping[str, str], command: str) -> tuple[str, ...]:
    """The words that run a shell command in ``tree``'s folder. Environment and folder are set below the supervisor,
    which is this rig's, not the tree's. Everybody can read them: no secrets.
    """
    pairs = [f"{name}={value}" for name, value in env.items()]
    return ("sh", "-c", 'cd "$0" && exec env "$@"', str(tree.path), *pairs, "sh", "-c", command)


def run(command: str, tree: Tree, env: Mapping[str, str], log: Path, *, what: str) -> None:
    """Run one shell command of the project; ``{tree}`` in it is the tree's path. It ends with us, with all it started.

    Raises:
        InfrastructureError: it failed.
    """
    command = command.replace("{tree}", str(tree.path))
    with Service(what, in_tree(tree, {**tree.env(), **env}, command), log=log) as running:
        code = running.wait_ended()
    if code:
        last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise InfrastructureError(f"{tree.revision}: {what} {command!r} failed ({last}); see {log}")


def _installed(place: Path, target: TargetConfig, say: Callable[[str], None]) -> Path:
    """The programs of the environment ``target.install`` makes."""
    if not target.install:
        raise UsageError(
            f"{target.source}: the baseline's lock file differs, so it needs an environment of its own; say in"
            " target.install what makes .venv there"
        )
    marker = place / ".venv" / _READY
    if not marker.exists():
        for command in target.install:
            say(f"baseline: {command}")
            tree = Tree(place, None, f"baseline {place.name}")
            run(command, tree, {}, place / "rig-install.log", what="install")
    programs = _programs(place)
    if programs is None:
        raise InfrastructureError(f"{target.source}: target.install made no .venv/bin/python in {place}")
    marker.touch()
    return programs


def _programs(root: Path) -> Path | None:
    programs = root / ".venv" / "bin"
    return programs if (programs / "python").exists() else None


def _lock(root: Path, target: TargetConfig) -> bytes | None:
    names: Sequence[str] = [target.lock] if target.lock else LOCKS
    found = next((root / name for name in names if (root / name).is_file()), None)
    return found.read_bytes() if found else None


def _ignored(folder: Path) -> None:
    """What lies there is nobody's to commit."""
    folder.mkdir(exist_ok=True)
    rule = folder / ".gitignore"
    if not rule.exists():
        rule.write_text("*\n")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise InfrastructureError("git: not found; install it") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InfrastructureError(f"git {arguments[0]}: failed ({last})") from error
    return done.stdout.strip()
