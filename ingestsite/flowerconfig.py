"""Flower's settings: loopback, and a password, since its pages are public without one."""

import os

from ingestsite import configuration

address = configuration.FLOWER_HOST
port = configuration.FLOWER_PORT
basic_auth = [f"ingest:{configuration.FLOWER_PASSWORD}"]

# An action on workers belongs in the audit log under a name, so Flower only shows.
read_only = True

# Flower keeps its state across restarts. It reads the state as a pickle, so no other user may write
# the folder or its files.
_folder = configuration.STATE_DIR / "flower"
_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
_folder.chmod(0o700)
persistent = True
db = os.fspath(_folder / "seen")
# A stop saves the state too. A kill loses the last minute.
state_save_interval = 60_000  # milliseconds
# More than a person looks through. Flower's memory stops growing there, as measured.
max_tasks = 10_000
# A task's arguments say how many posts it has, and which.
tasks_columns = "name,uuid,state,args,received,started,runtime,worker"

if __name__ == "__main__":
    from ingestsite.celery import app

    app.start(["flower", f"--conf={__file__}"])
