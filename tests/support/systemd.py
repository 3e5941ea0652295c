"""A systemd of the tests' own: the first process of a tree, apart from the machine's."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from ingest.devstack.stack import wait_until
from ingest.process.parent_death import tied_command

APART = (
    *("unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"),
    *("--fork", "--kill-child"),
)
# A group of its own first: systemd makes its groups below the one that it is started in.
JOIN = 'echo $$ > "$0/cgroup.procs"; exec "$@"'
# The tree becomes the only root, so nothing of the machine's files can be reached. Without these
# rights it can change no clock, kernel module or kernel setting.
BOOT = """
root=$0
hostname trial
ip link set lo up
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm"
mount -t tmpfs shm "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
cd "$root"
mkdir -p machine
pivot_root . machine
umount -l /machine
drop=-sys_module,-sys_time,-sys_rawio,-syslog,-audit_control,-audit_read,-mknod,-sys_boot
exec setpriv --bounding-set="$drop" env -i container=trial PATH=/usr/sbin:/usr/bin \
    /lib/systemd/systemd --unit=basic.target --log-target=journal
"""
# They belong to a machine's kernel, which is not ours.
MASKED = (
    *("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-sysctl.service"),
    *("systemd-modules-load.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("sys-fs-fuse-connections.mount", "dev-hugepages.mount", "systemd-journald-audit.socket"),
)
MAX_SECONDS = 300  # for any one condition


class Systemd:
    """A running systemd."""

    def __init__(self, pid: int) -> None:
        self._enter = ("nsenter", f"--target={pid}", "--all", "env", "-i", "PATH=/usr/bin:/bin")

    def run(self, *command: str, sent: str = "") -> str:
        """
        Run a command on the machine of this systemd as root, and return what it printed.

        Raises:
            subprocess.CalledProcessError: the command failed.
        """
        words = [*self._enter, *command]
        return subprocess.check_output(words, input=sent, text=True, timeout=MAX_SECONDS)

    def property(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", unit, "--value", "--property", name).strip()

    def wait_for(self, units: Sequence[str], state: str) -> None:
        """Wait until each unit is in a state, such as `active`."""

        def are_there() -> bool:
            return all(self.property(unit, "ActiveState") == state for unit in units)

        wait_until(are_there, seconds=MAX_SECONDS, what=f"units are {state}")


@contextmanager
def booted(root: Path) -> Iterator[Systemd]:
    """Boot a tree that has systemd during the block; all its processes end with the block."""
    for unit in MASKED:
        mask = root / "etc" / "systemd" / "system" / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")
    group = _groups() / f"ingest-trial-{os.getpid()}"
    group.mkdir()
    words = ["sh", "-euc", JOIN, str(group), *APART, "sh", "-euc", BOOT, str(root)]
    process = subprocess.Popen(tied_command(signal.SIGKILL, words), stdin=subprocess.DEVNULL)
    try:
        yield Systemd(_first_process(process))
    finally:
        for child in psutil.Process(process.pid).children() if process.poll() is None else ():
            child.kill()  # the kernel kills the others
        process.wait()
        _remove(group)


def _groups() -> Path:
    """Return where this machine has its groups of version 2."""
    for line in Path("/proc/mounts").read_text("utf-8").splitlines():
        _, folder, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(folder)
    raise RuntimeError("this machine has no control groups of version 2")


def _first_process(process: "subprocess.Popen[bytes]") -> int:
    """Wait until systemd is up, and return its pid."""

    def is_up() -> bool:
        assert process.poll() is None, "systemd did not start"
        children = psutil.Process(process.pid).children()
        if not children or children[0].name() != "systemd":
            return False
        words = [
            "nsenter",
            f"--target={children[0].pid}",
            "--all",
            "systemctl",
            "is-system-running",
        ]
        done = subprocess.run(words, check=False, text=True, capture_output=True)
        return done.stdout.strip() in ("running", "degraded")

    wait_until(is_up, seconds=60, what="systemd is up")
    return psutil.Process(process.pid).children()[0].pid


def _remove(group: Path) -> None:
    """Remove a group and those in it, once their processes are gone."""
    for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        folder.rmdir()
    deadline = time.monotonic() + 30  # seconds
    while time.monotonic() < deadline and (group / "cgroup.procs").read_text():
        os.sched_yield()
    group.rmdir()
