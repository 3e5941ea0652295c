"""
The units under a real systemd: they start, come back after a kill, reload, and stop in order.

    python -m tests.harness.systemd_units [--python PREFIX] [--posts N]

It does what docs/deploying.md says for one machine, in a tree of Debian's files: a virtual
environment with the locked packages and the wheel, the settings, the units. A systemd is the
first process there, in namespaces. The processes have a network of their own without a way out.
The program sends posts, kills workers and the broker, reloads the web server, and stops the
target. The stop must drain first and end the broker last. It needs root and an index of packages.

The tree shares this machine's kernel, and its Python is one of this machine.
"""

import json
import shutil
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import samples
from ingest.devstack.stack import EVERY_SCOPE, wait_until
from ingestsite.configuration import ROOT
from tests.harness import image_build, runner
from tests.support import chroot, dockerfile
from tests.support.systemd import MAX_SECONDS, Systemd, booted

UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
SERVICES = tuple(unit.name for unit in UNITS if unit.suffix == ".service")
RESTARTED = ("ingest-extract.service", "ingest-save.service", "ingest-broker.service")
DRAINED = ("ingest-web.service", "ingest-extract.service", "ingest-save.service")
# As docs/deploying.md writes it.
AS_SERVICE = (
    *("systemd-run", "--quiet", "--wait", "--pipe", "--uid=ingest", "-p", "UMask=0077"),
    *("-p", "EnvironmentFile=/etc/ingest.env", "-E", "INGEST_STATE_DIR=/var/lib/ingest"),
    "/srv/ingest/bin/ingest",
)


@dataclass(frozen=True)
class Result(runner.Result):
    """What a run ended with; `order` are the services as they stopped."""

    systemd: str
    python: str
    active: list[str]
    accepted: int
    saved: int
    restarts: dict[str, int]
    reload_kept_pid: bool
    order: list[str]
    results: dict[str, str]
    state_mode: str
    seconds: int

    @property
    def right(self) -> bool:
        return (
            set(self.active) == set(SERVICES) == set(self.order)
            and self.accepted == self.saved > 0
            and self.reload_kept_pid
            and all(number == 1 for number in self.restarts.values())
            and set(self.results.values()) == {"success"}
            and self.order[-1] == "ingest-broker.service"
            and all(map(self._drains_before, DRAINED))
            and self.state_mode == "700 ingest"
        )

    def _drains_before(self, unit: str) -> bool:
        return self.order.index("ingest-drain.service") < self.order.index(unit)


def main() -> int:
    """Install, run, and print the figures; the status is 1 unless everything is right."""
    return image_build.run_in_folder("systemd_units", __doc__, install_and_run)


def install_and_run(folder: Path, arguments: Namespace) -> Result:
    """Install the service in a folder, run its units, and return the figures."""
    started = time.monotonic()
    stages = dockerfile.read_stages(ROOT / "deploy" / "Dockerfile")
    root = image_build.unpack_base(folder, stages[0].base, arguments.python, ("systemd", "dbus"))
    install(root, folder)
    with booted(root) as systemd:
        figures = run(systemd, list(samples.read())[: arguments.posts])
    return Result(
        python=image_build.version_in(root), seconds=round(time.monotonic() - started), **figures
    )


def install(root: Path, folder: Path) -> None:
    """Install the packages, the wheel, the settings and the units, as the document says."""
    words = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT)]
    subprocess.run(words, check=True)
    (wheel,) = folder.glob("*.whl")
    for path in (wheel, ROOT / "requirements" / "base.txt"):
        shutil.copy(path, root / "root")
    steps = (
        "useradd --system --user-group ingest",
        "python -m venv /srv/ingest",
        "/srv/ingest/bin/pip install --quiet --require-hashes -r base.txt",
        "/srv/ingest/bin/pip install --quiet --no-deps ingest-*.whl",
    )
    for step in steps:
        image_build.say(f"  {step}")
        environment = {"PATH": chroot.ROOT_PATH}
        chroot.run_step(root, step, environment=environment, folder="/root", user="0")
    settings = {
        **image_build.settings(),
        "INGEST_PRODUCTION": "on",
        "INGEST_EXTRACT_CONCURRENCY": "2",
    }
    (root / "etc" / "ingest.env").touch(mode=0o600)
    lines = (f"{name}={value}\n" for name, value in settings.items())
    (root / "etc" / "ingest.env").write_text("".join(lines))
    for unit in UNITS:
        shutil.copy(unit, root / "etc" / "systemd" / "system")


def run(systemd: Systemd, posts: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Start the units, disturb them, stop them, and return the figures."""
    version = systemd.run("systemctl", "--version").splitlines()[0]
    systemd.run("systemctl", "enable", "--quiet", "--now", "ingest-broker", "ingest.target")
    try:
        systemd.wait_for(SERVICES, "active")
        wait_for_web(systemd)
        key = systemd.run(*AS_SERVICE, "api_key", "create", "trial", *EVERY_SCOPE).split()[-1]
        counted = send(systemd, key, posts)
        image_build.say(f"counted: {counted}")
        for unit in RESTARTED:
            kill(systemd, unit)
        main = systemd.property("ingest-web.service", "MainPID")
        systemd.run("systemctl", "reload", "ingest-web")
        wait_for_web(systemd)
        kept = systemd.property("ingest-web.service", "MainPID") == main
        counted = send(systemd, key, posts)  # the same posts: none counts twice
        figures = {
            "systemd": version,
            "active": [s for s in SERVICES if systemd.property(s, "ActiveState") == "active"],
            **counted,
            "restarts": {unit: int(systemd.property(unit, "NRestarts")) for unit in RESTARTED},
            "reload_kept_pid": kept,
            "state_mode": systemd.run("stat", "--format=%a %U", "/var/lib/ingest").strip(),
        }
        systemd.run("systemctl", "stop", "ingest.target")
        systemd.wait_for(SERVICES, "inactive")
    except Exception:
        image_build.say(systemd.run("systemctl", "list-units", "--no-pager", "ingest*"))
        image_build.say(systemd.run("journalctl", "--no-pager", "--lines=150"))
        raise
    stopped = {s: int(systemd.property(s, "InactiveEnterTimestampMonotonic")) for s in SERVICES}
    results = {s: systemd.property(s, "Result") for s in SERVICES}
    return {**figures, "order": sorted(SERVICES, key=stopped.__getitem__), "results": results}


def wait_for_web(systemd: Systemd) -> None:
    """Wait until the web server answers that everything it needs does."""
    script = "from urllib.request import urlopen; urlopen('http://127.0.0.1:8400/readyz')"

    def is_ready() -> bool:
        try:
            systemd.run("/srv/ingest/bin/python", "-W", "ignore", "-c", script + "  # noqa")
        except subprocess.CalledProcessError:
            return False
        return True

    wait_until(is_ready, seconds=MAX_SECONDS, what="the web server is ready")


def send(systemd: Systemd, key: str, posts: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """Send posts, wait until they are counted, and return how many were accepted and saved."""
    words = ["/srv/ingest/bin/python", "-c", image_build.CLIENT, key]
    counted: dict[str, int] = json.loads(systemd.run(*words, sent=json.dumps(posts)))
    return counted


def kill(systemd: Systemd, unit: str) -> None:
    """Kill the main process of a unit, and wait until systemd has started it again."""
    before = systemd.property(unit, "MainPID")
    systemd.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)

    def is_back() -> bool:
        running = systemd.property(unit, "ActiveState") == "active"
        return running and systemd.property(unit, "MainPID") not in ("0", before)

    wait_until(is_back, seconds=MAX_SECONDS, what=f"{unit} runs again")


if __name__ == "__main__":
    sys.exit(main())
