"""Processes may start in any order: each logs which part it waits for."""

import os
import subprocess
from pathlib import Path
from typing import Any

import requests

from ingest.client import ApiClient, ApiError
from ingest.devstack import demo
from ingest.devstack.launch import PROCFILE
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from ingestsite.configuration import ROOT
from tests import environment
from tests.support import prepared
from tests.support.stores import project_settings
from tests.support.tcp_proxy import Line


class Processes:
    """Lines of a stack's Procfile, each started by itself, and all stopped together."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str) -> None:
        """Run one line of the Procfile."""
        with self._stack.log.open("ab") as log:
            honcho = subprocess.Popen(
                ["honcho", "--env", os.devnull, "-f", str(PROCFILE), "start", "--no-colour", name],
                cwd=ROOT,
                env=self._stack.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._started.append(honcho)

    def stop(self) -> None:
        """Stop all of them at once, since they wait for one another."""
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(timeout=120)


def answer_to_a_post(client: ApiClient) -> dict[str, Any]:
    """Send a post, and return the answer."""
    try:
        client.submit([{"publication": "early", "content": "Oslo."}])
    except ApiError as error:
        return {"status": error.status, "text": str(error)}
    except requests.RequestException:
        return {}
    return {"status": 202}


def test_workers_may_start_first_and_the_broker_and_the_store_last(
    tmp_path: Path, firestore: FirestoreStore
) -> None:
    line = Line(environment.FIRESTORE_PORT)
    line.cut()
    settings = {
        **project_settings(firestore._client.project, port=line.port),
        "INGEST_EXTRACT_CONCURRENCY": "2",
        "INGEST_STORE_SECONDS": "2",
    }
    stack = Stack(tmp_path, settings)
    client = prepared.prepare(stack)

    def is_logged(words: str) -> bool:
        return words in stack.log.read_text(errors="replace")

    running = Processes(stack)
    try:
        for name in ("save", "extract", "web"):
            running.start(name)
        port = stack.environment["INGEST_BROKER_PORT"]
        broker = f"Cannot connect to redis://:**@127.0.0.1:{port}"
        wait_until(lambda: is_logged(broker), seconds=60, what="a worker waits for the broker")
        wait_until(
            lambda: answer_to_a_post(client).get("status") == 503,
            seconds=60,
            what="the web server answers",
        )
        assert "The queue does not answer" in answer_to_a_post(client)["text"]

        running.start("broker")
        wait_until(
            lambda: answer_to_a_post(client).get("status") == 202,
            seconds=60,
            what="a post is accepted",
        )
        wait_until(
            lambda: is_logged("Firestore: "), seconds=60, what="a save worker waits for Firestore"
        )

        line.restore()
        demo.await_empty(client)
        early = firestore.publication("early")
        assert early
        assert early.posts == 1
    finally:
        running.stop()
