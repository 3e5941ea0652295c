"""A Dockerfile as its stages and their instructions, and which files the build may copy."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

WORDS = ("RUN", "COPY", "WORKDIR", "USER", "ENV", "HEALTHCHECK", "CMD")


@dataclass(frozen=True)
class Stage:
    """What stands between two FROM: the base, the stage's name, and pairs of word and text."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)


def read_stages(path: Path) -> list[Stage]:
    """
    Return the stages of a Dockerfile, in order.

    Raises:
        ValueError: for an instruction of a kind that nothing here carries out.
    """
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for word, text in _instructions(path.read_text("utf-8")):
        if word == "ARG":
            name, _, default = text.partition("=")
            arguments[name] = default
        elif word == "FROM":
            base, *name_of = text.split()
            stages.append(Stage(_filled(base, arguments), name_of[1] if name_of else ""))
        elif word in WORDS:
            stages[-1].instructions.append((word, text))
        else:
            raise ValueError(f"an instruction that is not known here: {word}")
    return stages


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], text)


def read_environment(text: str, before: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an ENV sets, which may name earlier ones."""
    pairs = (word.partition("=") for word in shlex.split(text))
    return {name: _filled(value, before) for name, _, value in pairs}


def read_health_check(text: str) -> list[str]:
    """Return the command of a HEALTHCHECK, which has options before it."""
    command: list[str] = json.loads(text.partition("CMD ")[2])
    return command


def ignored(path: Path) -> Callable[[str, list[str]], set[str]]:
    """Return what `shutil.copytree` leaves out of a folder that has a .dockerignore."""
    patterns = (path / ".dockerignore").read_text("utf-8").split()

    def is_ignored(folder: str, name: str) -> bool:
        inner = (Path(folder) / name).relative_to(path)
        return any(
            fnmatch(name, pattern.removeprefix("**/"))
            for pattern in patterns
            if pattern.startswith("**/") or len(inner.parts) == 1
        )

    return lambda folder, names: {name for name in names if is_ignored(folder, name)}
