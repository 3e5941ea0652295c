"""Programs that tests need, installed where a machine lacks them, and whole releases of Debian."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Two processes of one test run may need the same program.
LOCK = Path(tempfile.gettempdir()) / "ingest-tests-install.lock"

FOLDERS = os.pathsep.join(
    (
        os.environ["PATH"],
        "/usr/sbin",
        "/usr/lib/rabbitmq/bin",
        *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
    )
)


def install(program: str, *, package: str = "") -> None:
    """Install a missing program's package, which needs root on Debian."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shutil.which(program, path=FOLDERS):
            _install(program, package or program)


def _install(program: str, package: str) -> None:
    wanted = (
        f"The tests need {program}: install Debian's {package}, or run them as root on Debian, "
        "where they install it."
    )
    assert shutil.which("apt-get"), wanted
    assert os.geteuid() == 0, wanted
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = ["apt-get", "install", "-y", package]
    for command in (["apt-get", "update"], packages):
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, umask=0o022)


def unpack_release(release: str, folder: Path, packages: Sequence[str]) -> None:
    """Unpack a release of Debian with packages into a folder, once; it needs root."""
    install("debootstrap")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes of pytest may come here
        if not (folder / "etc" / "hosts").exists():
            scripts = Path("/usr/share/debootstrap/scripts")
            script = next(path for path in (scripts / release, scripts / "sid") if path.exists())
            subprocess.run(
                [
                    *("debootstrap", "--variant=minbase", f"--include={','.join(packages)}"),
                    *(release, str(folder), "http://deb.debian.org/debian", str(script)),
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            shutil.copy("/etc/hosts", folder / "etc" / "hosts")  # the last step
