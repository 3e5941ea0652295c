"""
The image without an engine: the Dockerfile's steps in a chroot, and its processes there.

    python -m tests.harness.image_build [--python PREFIX] [--posts N]

It carries out each instruction of deploy/Dockerfile, stage by stage. Then it starts what compose
starts from the image, as the image's user, without capabilities and with files that nobody can
write to. The processes have a network of their own without a way out. The program waits until each
HEALTHCHECK succeeds, sends posts, stops the processes by SIGTERM, and expects the web server's
check to fail then. It needs root, and an index of packages.

It is no engine: there are no layers, no cache, no registry and no limits. The base is Debian's
release that the image's tag names, with a Python of this machine and not the one of the image.
"""

import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import yaml

from ingest import samples
from ingest.devstack.stack import EVERY_SCOPE, wait_until
from ingestsite.configuration import ROOT
from tests.harness import runner
from tests.support import apt, chroot, dockerfile

DEPLOY = ROOT / "deploy"
# What Debian's slim image of Python brings, and the libraries that a Python is linked with.
PACKAGES = (
    *("ca-certificates", "netbase", "tzdata", "libbz2-1.0", "libffi8", "liblzma5"),
    *("libncursesw6", "libreadline8", "libsqlite3-0", "libssl3", "libuuid1", "zlib1g"),
)
BROKER = ("python", "-m", "ingest.devstack.valkey")
# Our client talks plain HTTP as the proxy in front of the web server does.
CLIENT = """
import json, sys, time, requests
posts, session = json.load(sys.stdin), requests.Session()
session.headers.update({"Authorization": "Bearer " + sys.argv[1], "X-Forwarded-Proto": "https"})
accepted = session.post("http://127.0.0.1:8400/api/posts", json=posts)
accepted.raise_for_status()
while True:
    state = session.get("http://127.0.0.1:8400/api/publications").json()["publications"]
    saved = sum(one["posts"] for one in state)
    if saved >= len(posts):
        break
    time.sleep(0.2)
print(json.dumps({"accepted": len(accepted.json()["posts"]), "saved": saved}))
"""
MAX_SECONDS = 300  # for any one condition


@dataclass(frozen=True)
class Image:
    """What the last stage leaves: its files, and how they are run."""

    root: Path
    environment: dict[str, str]
    folder: str
    user: str
    health_check: list[str]
    command: list[str]


@dataclass(frozen=True)
class Result(runner.Result):
    """What a run ended with: `healthy` are the services whose check succeeded."""

    base: str
    python: str
    steps: int
    packages: int
    image_mb: int
    healthy: list[str]
    accepted: int
    saved: int
    stopped: dict[str, int]
    check_after_stop: int
    seconds: int

    @property
    def right(self) -> bool:
        return (
            self.accepted == self.saved > 0
            and set(self.healthy) == self.stopped.keys()
            and not any(self.stopped.values())
            and self.check_after_stop != 0
        )


def main() -> int:
    """Build, run, and print the figures; the status is 1 unless everything is right."""
    return run_in_folder("image_build", __doc__, build_and_run)


def run_in_folder(
    program: str, description: str | None, work: Callable[[Path, Namespace], runner.Result]
) -> int:
    """Read a command line, do a program's work in a new folder, and print the figures."""
    parser = runner.argument_parser(program, description)
    parser.add_argument("--python", type=Path, default=Path(sys.base_prefix), metavar="PREFIX")
    parser.add_argument("--posts", type=int, default=20)
    arguments = parser.parse_args()
    os.umask(0o022)  # users without rights read what root builds
    # Not in /tmp, which may be in memory.
    with tempfile.TemporaryDirectory(prefix=f"ingest-{program}-", dir="/var/tmp") as folder:
        result = work(Path(folder), arguments)
    runner.print_figures(result.figures())
    return runner.exit_status([result])


def build_and_run(folder: Path, arguments: Namespace) -> Result:
    """Build the image in a folder, run its processes, and return the figures."""
    started = time.monotonic()
    stages = dockerfile.read_stages(DEPLOY / "Dockerfile")
    base = unpack_base(folder, stages[0].base, arguments.python)
    image = build(stages, folder, base)
    steps = sum(len(stage.instructions) for stage in stages)
    say(f"built: {steps} steps")
    listed = json.loads((image.root / "opt" / "ingest" / "sbom.json").read_text())
    figures = run(image, list(samples.read())[: arguments.posts])
    return Result(
        base=stages[0].base,
        python=version_in(image.root),
        steps=steps,
        packages=len(listed["components"]),
        image_mb=size_mb(image.root),
        seconds=round(time.monotonic() - started),
        **figures,
    )


def say(text: str) -> None:
    """Print what happens."""
    print(text, flush=True)


def unpack_base(folder: Path, image: str, python: Path, more: Sequence[str] = ()) -> Path:
    """Return a tree that stands for a base image, with more of Debian's packages."""
    release = image.partition("@")[0].rpartition("-")[2]
    debian = Path(tempfile.gettempdir()) / "-".join(("ingest-image", release, *more))
    apt.unpack_release(release, debian, (*PACKAGES, *more))
    base = folder / "base"
    chroot.copy_tree(debian, base)
    chroot.copy_python(python, base)
    say(f"base: Debian {release} with {version_in(base)}, for {image.partition('@')[0]}")
    return base


def version_in(root: Path) -> str:
    """Return the version of a tree's Python."""
    words = ["chroot", str(root), "/usr/local/bin/python", "--version"]
    return subprocess.check_output(words, text=True).strip()


def size_mb(root: Path) -> int:
    """Return how much a tree takes on the disk."""
    return int(subprocess.check_output(["du", "-sm", "-x", str(root)], text=True).split()[0])


def build(stages: Sequence[dockerfile.Stage], folder: Path, base: Path) -> Image:
    """Carry out each stage on a copy of the base, and return the last one's image."""
    trees: dict[str, Path] = {}
    for number, stage in enumerate(stages):
        root = folder / f"stage-{number}"
        chroot.copy_tree(base, root)
        image = build_stage(stage, root, trees)
        trees[stage.name] = root
    return image


def build_stage(stage: dockerfile.Stage, root: Path, trees: Mapping[str, Path]) -> Image:
    """Carry out the instructions of one stage in its tree."""
    environment = {"PATH": chroot.ROOT_PATH}
    folder, user, check, command = "/", "0", [""], [""]
    for word, text in stage.instructions:
        say(f"  {word} {text[:90]}")
        match word:
            case "WORKDIR":
                folder = text
                (root / folder[1:]).mkdir(parents=True, exist_ok=True)
            case "COPY":
                copy(text, root, folder, trees)
            case "RUN":
                chroot.run_step(root, text, environment=environment, folder=folder, user=user)
            case "ENV":
                environment |= dockerfile.read_environment(text, environment)
            case "USER":
                user = text
            case "HEALTHCHECK":
                check = dockerfile.read_health_check(text)
            case "CMD":
                command = json.loads(text)
    return Image(root, environment, folder, user, check, command)


def copy(text: str, root: Path, folder: str, trees: Mapping[str, Path]) -> None:
    """Copy files of the checkout, or of an earlier stage, into a tree."""
    *sources, target = text.split()
    place = root / Path(folder, target).relative_to("/")
    if sources[0].startswith("--from="):
        (source,) = sources[1:]
        chroot.copy_tree(trees[sources[0].removeprefix("--from=")] / source[1:], place)
        return
    for name in sources:
        if (ROOT / name).is_dir():
            ignore = dockerfile.ignored(ROOT)
            shutil.copytree(ROOT / name, place, ignore=ignore, dirs_exist_ok=True)
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place)


def services() -> dict[str, dict[str, Any]]:
    """Return what compose runs from the image, by name."""
    listed = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    return {name: service for name, service in listed.items() if "build" in service}


def settings() -> dict[str, str]:
    """Return what ingest.env would hold: an SQL store and the embedded broker."""
    return {
        "INGEST_STORE": "sql",
        "INGEST_ALLOWED_HOSTS": "127.0.0.1",
        "INGEST_SECRET_KEY": secrets.token_urlsafe(60),
        "INGEST_FLOWER_PASSWORD": secrets.token_urlsafe(30),
        "INGEST_BROKER_PASSWORD": secrets.token_urlsafe(30),
    }


def run(image: Image, posts: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Run the services with a broker, send posts, stop everything, and return the figures."""
    with chroot.machine(
        image.root,
        user=image.user,
        environment={**image.environment, **settings()},
        state=image.folder,
    ) as machine:
        start = partial(Service, machine, image)
        broker = start("broker", BROKER, {})
        running = {}
        for name, service in services().items():
            words = shlex.split(service["command"]) if "command" in service else image.command
            check = service["healthcheck"]["test"][1:] if "healthcheck" in service else None
            environment = service.get("environment", {})
            running[name] = start(name, words, environment, check or image.health_check)
        healthy = [name for name, service in running.items() if service.becomes_healthy()]
        say(f"healthy: {' '.join(healthy)}")
        key = running["web"].output(["ingest", "api_key", "create", "trial", *EVERY_SCOPE])
        script = ["python", "-c", CLIENT, key.split()[-1]]
        counted = json.loads(running["web"].output(script, json.dumps(posts)))
        say(f"counted: {counted}")
        # Workers touch their files only where they read messages.
        healthy = [name for name in healthy if running[name].is_healthy()]
        stopped = {name: service.stop() for name, service in running.items()}
        after = running["web"].check_status()
        broker.stop()
    return {"healthy": healthy, **counted, "stopped": stopped, "check_after_stop": after}


class Service:
    """A process of the image, with its health check."""

    def __init__(
        self,
        machine: chroot.Machine,
        image: Image,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        check: Sequence[str] = (),
    ) -> None:
        self._words = partial(machine.words, environment=environment, folder=image.folder)
        self._name, self._check = name, check
        self._log = image.root.parent / f"{name}.log"
        with self._log.open("wb") as log:
            words = self._words(command)
            self._process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)

    def output(self, command: Sequence[str], sent: str = "") -> str:
        """Run a command beside the service, and return what it printed."""
        return subprocess.check_output(
            self._words(command), input=sent, text=True, timeout=MAX_SECONDS
        )

    def check_status(self) -> int:
        """Return the status of the health check."""
        return subprocess.run(self._words(self._check), check=False).returncode

    def is_healthy(self) -> bool:
        """Return whether the service runs and its check succeeds."""
        return not self._has_ended() and self.check_status() == 0

    def becomes_healthy(self) -> bool:
        """Wait for the health check; print the log of a service that ends or fails."""
        what = f"{self._name} is healthy"
        wait_until(lambda: self.is_healthy() or self._has_ended(), seconds=MAX_SECONDS, what=what)
        if self._has_ended():
            self._print_log()
        return not self._has_ended()

    def _has_ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self) -> int:
        """Send SIGTERM as an engine does, and return the status of the process."""
        for child in psutil.Process(self._process.pid).children():
            os.kill(child.pid, signal.SIGTERM)  # the other is nsenter, which waits for this one
        status = self._process.wait(timeout=MAX_SECONDS)
        if status:
            self._print_log()
        return status

    def _print_log(self) -> None:
        say(f"{self._name}:\n{self._log.read_text(errors='replace')[-5000:]}")


if __name__ == "__main__":
    sys.exit(main())
