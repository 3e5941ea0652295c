"""Flower's settings: loopback, and a password, since its pages are open without one."""

import os

from ingestsite import configuration

address = "127.0.0.1"
port = configuration.FLOWER_PORT
basic_auth = [f"ingest:{configuration.FLOWER_PASSWORD}"]

# It is for looking: what is done with the workers belongs in the audit trail, under a name.
read_only = True

# What it has seen outlives it. It is read back as a pickle, so nobody else may write it: neither
# the folder nor the files in it are for others.
_folder = configuration.STATE_DIR / "flower"
_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
_folder.chmod(0o700)
persistent = True
db = os.fspath(_folder / "seen")
# A stop keeps it too; a kill loses the last of it.
state_save_interval = 60_000  # milliseconds
# As many as a person looks through; the measured growth of its memory ends there.
max_tasks = 10_000
# What a task was given is told in its arguments: how many posts, and which.
tasks_columns = "name,uuid,state,args,received,started,runtime,worker"
