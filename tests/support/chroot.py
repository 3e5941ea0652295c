"""A tree of files that commands run in: as the steps of an image, or as a machine of its own."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from ingest.process.parent_death import tied_command
from tests.support.network import APART

ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this machine reaches the package index, and what it trusts.
OF_THIS_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")

# Mounts that end with the command.
BUILD = """
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for file in $0; do mount --bind "$file" "$root$file"; done
exec chroot "$root" "$@"
"""

# Nobody can write to the tree, except to the state folder and to /tmp.
RUN = """
root=$0 state=$1 owner=$2
ip link set lo up
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o "mode=700,uid=$owner,gid=$owner" state "$root$state"
mount -t tmpfs tmp "$root/tmp"
mount -o remount,bind,ro "$root"
echo ready
exec sleep infinity
"""


def copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with its owners and modes, sharing the blocks where the disk can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)


def run_step(
    root: Path, command: str, *, environment: Mapping[str, str], folder: str, user: str
) -> None:
    """
    Run a shell command in a tree, with this machine's network and package index.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    for path in OF_THIS_MACHINE:
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / path[1:]).touch()
    index = {name: value for name, value in os.environ.items() if name in ("PIP_CERT",)}
    inside = _inside(user, {**index, **environment}, folder, ["/bin/sh", "-c", command])
    apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
    words = [*apart, "sh", "-euc", BUILD, " ".join(OF_THIS_MACHINE), str(root), *inside]
    subprocess.run(words, check=True)


def _inside(
    user: str, environment: Mapping[str, str], folder: str, command: Sequence[str]
) -> list[str]:
    """Return the words after `chroot ROOT` that run a command there as a user."""
    pairs = [f"{name}={value}" for name, value in environment.items()]
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    as_user = [] if user == "0" else [*drop, "--inh-caps=-all", "--bounding-set=-all"]
    return [*as_user, "env", "-i", "-C", folder, *pairs, *command]


class Machine:
    """A running tree: it has its own network, without a way out, and its own processes."""

    def __init__(self, root: Path, pid: int, user: str, environment: Mapping[str, str]) -> None:
        self._root, self._pid, self._user = root, pid, user
        self._environment = dict(environment)

    def words(
        self, command: Sequence[str], environment: Mapping[str, str], folder: str
    ) -> list[str]:
        """Return the command that runs another one in the tree, as its user."""
        enter = ["nsenter", f"--target={self._pid}", "--net", "--mount", "--pid"]
        together = {**self._environment, **environment}
        inside = _inside(self._user, together, folder, command)
        return [*enter, "chroot", str(self._root), *inside]


@contextmanager
def machine(
    root: Path, *, user: str, environment: Mapping[str, str], state: str
) -> Iterator[Machine]:
    """Run a tree as a machine during the block; all its processes end with the block."""
    words = [*APART, "sh", "-euc", RUN, str(root), state, user]
    process = subprocess.Popen(tied_command(signal.SIGKILL, words), stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n", "the tree cannot be mounted"
        (first,) = psutil.Process(process.pid).children()
        yield Machine(root, first.pid, user, environment)
    finally:
        for child in psutil.Process(process.pid).children() if process.poll() is None else ():
            child.kill()  # the first process of its namespace: the kernel kills the others
        process.wait()


def copy_python(prefix: Path, root: Path) -> None:
    """Copy a Python that was built for a prefix of its own to /usr/local of a tree."""
    (library,) = (prefix / "lib").glob("python3.*")
    target = root / "usr" / "local"
    leave_out = shutil.ignore_patterns("site-packages", "test", "__pycache__", "idlelib")
    shutil.copytree(library, target / "lib" / library.name, ignore=leave_out, symlinks=True)
    for shared in (prefix / "lib").glob("libpython*.so*"):
        shutil.copy(shared, target / "lib", follow_symlinks=False)
    shutil.copy(prefix / "bin" / library.name, target / "bin")
    for name in ("python", "python3"):
        (target / "bin" / name).symlink_to(library.name)
    subprocess.run(["chroot", str(root), "/sbin/ldconfig"], check=True)
