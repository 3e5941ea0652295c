"""
The API against its own description: `python -m tests.harness.contract [--examples N] [--seed 1]`.

Runs the real stack, and schemathesis over every address: no 5xx, no answer that is not described,
by status, media type, headers or shape, no address without a key. Prints schemathesis's summary.

Two of its checks ask for what is not so. A list with a bad post in it is answered with 202, and the
post with its errors, where `negative_data_rejection` wants 4xx; and that a text needs a visible
character, which `positive_data_acceptance` trips over, is nothing that a JSON Schema can say.
"""

from tests import environment  # isort: skip  (it decides the ports, before they are read)

import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from ingest.devstack.stack import Stack
from tests.harness.fuzz import running
from tests.support.servers import server

PHASES = "examples,coverage,fuzzing,stateful"
EXCLUDED = "negative_data_rejection,positive_data_acceptance"


def schemathesis(
    stack: Stack, *, examples: int, seed: int, phases: str = PHASES
) -> tuple[int, str]:
    """Run schemathesis against a stack, and return its status and what it printed."""
    # No key that may close the gate: behind it every post is a 503.
    scopes = ("--scope", "submit", "--scope", "read")
    key = stack.manage("api_key", "create", f"contract {seed}", *scopes).split()[-1]
    command = [
        *("schemathesis", "run", f"{stack.url}/api/openapi.json"),
        *("--header", f"Authorization: Bearer {key}", "--exclude-checks", EXCLUDED),
        *("--max-examples", str(examples), "--seed", str(seed), "--no-color", "--warnings", "off"),
        *("--phases", phases),
    ]
    done = subprocess.run(
        command,
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Do one run, print it, and return its status."""
    parser = ArgumentParser(
        prog="python -m tests.harness.contract", description="Hold the API to it."
    )
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ingest-contract-") as name,
        server("ingest.devstack.firestore_emulator", environment.FIRESTORE_PORT),
        running(Path(name)) as (stack, _),
    ):
        status, words = schemathesis(stack, **vars(options))
    print(words)
    return status


if __name__ == "__main__":
    sys.exit(main())
