"""Whether a stack is ready: its parts answer, posts are accepted, and workers are alive."""

import http.client
import re

from ingest.process.installation import PROGRAM
from ingestsite import configuration

TIMEOUT_SECONDS = 5
# Those that a post needs. A worker's parent shows its role once it takes messages.
ROLES = {"extract parent": "extract", "save parent": "save"}
UP = re.compile(r'^ingest_part_up\{part="(\w+)"\} 1', re.MULTILINE)
PARTS = ("broker", "database", "store")
ALIVE = re.compile(r'^ingest_processes\{role="([\w ]+)"\} [1-9]', re.MULTILINE)
WRITABLE = re.compile(r"^ingest_writable 1", re.MULTILINE)


def missing() -> str:
    """Say what this machine's stack still lacks, or nothing if it is ready."""
    try:
        metrics = _metrics()
    except (OSError, http.client.HTTPException):
        return "the web server does not answer"
    faults = [f"the {part} does not answer" for part in PARTS if part not in UP.findall(metrics)]
    faults += [
        f"no {role} worker runs"
        for parent, role in ROLES.items()
        if parent not in ALIVE.findall(metrics)
    ]
    if not faults and not WRITABLE.search(metrics):
        faults = [f"the intake is paused: {PROGRAM} drain --resume"]
    return ", ".join(faults)


def _metrics() -> str:
    """Ask the web server, which answers its own machine. This client knows no proxy."""
    host, port = configuration.WEB_CONNECT_HOST, configuration.WEB_PORT
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/metrics", headers={"Host": configuration.OWN_HOST})
        return connection.getresponse().read().decode(errors="replace")
    finally:
        connection.close()
