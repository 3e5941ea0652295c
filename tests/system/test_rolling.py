"""A restart of each process in turn, without an error for any client."""

import signal
import threading

import pytest
import requests

from ingest import samples
from ingest.devstack.stack import EVERY_SCOPE, Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.harness.shutdown_matrix import Stopped
from tests.support import prepared

POSTS = list(samples.read())


class Publisher:
    """A client that sends posts one by one, each over its own connection, until it is stopped."""

    def __init__(self, stack: Stack, key: str) -> None:
        self._url = f"{stack.url}/api/posts"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.answers: list[int] = []
        self._thread.start()

    def _send(self) -> None:
        while not self._stopped.is_set():
            number = len(self.answers)
            post = {**POSTS[number % len(POSTS)], "id": str(number), "publication": "rolling"}
            answer = requests.post(self._url, json=post, headers=self._headers, timeout=60)
            self.answers.append(answer.status_code)

    def stop(self) -> None:
        """Stop sending."""
        self._stopped.set()
        self._thread.join()


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
def test_a_rolling_restart_answers_every_request_and_loses_nothing(
    stack: Stack, firestore: FirestoreStore
) -> None:
    stopped = Stopped(stack, prepared.prepare(stack), firestore, "any")
    stopped.start()
    key = stack.manage("api_key", "create", "publisher", *EVERY_SCOPE).split()[-1]
    publisher = Publisher(stack, key)
    for role in ("web", "extract", "save"):
        ready, sent = stopped.ready(role), len(publisher.answers)
        # Gunicorn starts new workers behind the same socket. Supervisors restart Celery's workers.
        stopped.main(role).send_signal(signal.SIGHUP if role == "web" else signal.SIGTERM)
        if role != "web":
            wait_until(lambda: stopped.ready(role) > ready, seconds=120, what=f"{role} is back")  # noqa: B023
        wait_until(lambda: len(publisher.answers) > sent + 20, seconds=120, what="posts come in")  # noqa: B023
    publisher.stop()
    wait_until(stopped.is_empty, seconds=120, what="the queues are empty")
    assert set(publisher.answers) == {202}
    saved = firestore.publication("rolling")
    assert saved
    assert saved.posts == len(publisher.answers)
    assert not firestore.recount("rolling").diff
