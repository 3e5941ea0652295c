"""The main job, on the stack that `make run` starts."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.support import prepared
from tests.support.files import others_may_read
from tests.support.processes import parent, processes, words
from tests.support.rabbitmq import RabbitMQ

POSTS = list(samples.read())[:50]


@pytest.fixture(scope="module")
def recounted() -> demo.EntityMentions:
    """Return what the model alone counts."""
    return demo.recounted(POSTS)


@pytest.mark.parametrize("stack", ["embedded", "rabbitmq", "rabbitmq_4"], indirect=True)
def test_posts_become_the_counts_that_the_model_alone_gives(
    stack: Stack, firestore: FirestoreStore, recounted: demo.EntityMentions
) -> None:
    client = prepared.prepare(stack)
    stack.environment["INGEST_FLOWER_PORT"] = stack.flower_url.rpartition(":")[2]
    stack.start()
    accepted = demo.submit(client, POSTS)
    assert len(accepted) == len(POSTS)
    demo.await_empty(client)
    assert demo.differences(demo.counted(client), recounted) == []
    assert sum(p["posts"] for p in client.publications()) == len(POSTS)
    assert client.status()["dead_letters"] == 0
    assert client.post(min(accepted))["status"] == "saved"

    demo.submit(client, POSTS)
    demo.await_empty(client)
    assert demo.differences(demo.counted(client), recounted) == []

    ping = subprocess.run(
        [str(Path(sys.executable).with_name("celery")), "-A", "ingestsite", "inspect", "ping"],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ping.stdout.count("pong") == 3
    assert client.status()["in_work"] == 0, "a reply to remote control stays in progress"

    assert requests.get(stack.flower_url, timeout=10).status_code == 401
    password = (stack.folder / "flower_password").read_text()
    page = requests.get(f"{stack.flower_url}/workers", auth=("ingest", password), timeout=10)
    assert page.status_code == 200
    assert "extract@" in page.text

    assert others_may_read(stack.folder) == []
    assert processes(stack)
    _stop_with_a_backlog(stack, client, firestore)
    assert processes(stack) == []


def test_the_web_answers_503_without_a_broker_and_202_when_it_is_back(
    stack: Stack, request: pytest.FixtureRequest
) -> None:
    client = prepared.prepare(stack)
    stack.start()
    demo.await_empty(client)  # every queue exists, so the broker can write them to disk
    send, start_again = _broker_of(stack, request)
    client.submit(POSTS[:1])
    send(signal.SIGSTOP)
    with pytest.raises(ApiError) as refusal:
        client.submit(POSTS[1:2])
    assert refusal.value.status == 503
    send(signal.SIGCONT)
    send(signal.SIGKILL)
    with pytest.raises(ApiError) as refusal:
        client.submit(POSTS[2:3])
    assert refusal.value.status == 503
    start_again()
    wait_until(lambda: _accepts(client, POSTS[3:4]), seconds=60, what="the broker is back")
    demo.submit(client, POSTS[:3])
    wait_until(lambda: _saved(client) == 4, seconds=60, what="all posts are saved")


def test_full_queues_refuse_posts_until_they_are_short_again(stack: Stack) -> None:
    stack.environment["INGEST_QUEUE_LIMIT"] = "5"
    client = prepared.prepare(stack)
    stack.start()
    wait_until(lambda: _saves_the_first(client), seconds=60, what="the workers are ready")
    demo.await_empty(client)  # some posts were sent twice
    celery = [p for p in processes(stack) if "celery" in words(p)]
    workers = [p for p in celery if parent(p) in {other.pid for other in celery}]
    for worker in workers:
        worker.suspend()
    posts = ([{**POSTS[0], "id": str(number)}] for number in range(10_000))
    sent = 0
    try:
        while _accepts(client, next(posts)):
            sent += 1
        assert client.status()["oldest_seconds"]["extract"] > 0
    finally:
        for worker in workers:
            worker.resume()
    assert sent >= 5
    wait_until(lambda: _accepts(client, next(posts)), seconds=60, what="posts are accepted again")
    wait_until(lambda: _saved(client) == sent + 2, seconds=60, what="all posts are saved")


def _stop_with_a_backlog(stack: Stack, client: ApiClient, firestore: FirestoreStore) -> None:
    """Stop as Ctrl-C does just after posts came in; every accepted post is saved."""
    posts = [
        {"publication": "The Gazette", "content": f"{uuid.uuid4()} {post['content']}"}
        for post in POSTS
        for _ in range(6)
    ]
    accepted = demo.submit(client, posts)
    stack.stop()
    publication = firestore.publication("The Gazette")
    assert publication is not None
    assert publication.posts == len(accepted) == 300
    assert "drained" in stack.log.read_text()


def _saves_the_first(client: ApiClient) -> bool:
    return _accepts(client, POSTS[1:2]) and _saved(client) == 1


def _broker_of(
    stack: Stack, request: pytest.FixtureRequest
) -> tuple[Callable[[signal.Signals], None], Callable[[], None]]:
    """Return functions that send the stack's broker a signal and that restart it."""
    if "amqp" in stack.environment.get("INGEST_BROKER_URL", ""):
        node: RabbitMQ = request.getfixturevalue("rabbitmq")
        node.write_queues_to_disk()
        return node.send, node.restart
    (valkey,) = (p for p in processes(stack) if "valkey" in p.name())
    return valkey.send_signal, lambda: None  # its supervisor restarts it


def _accepts(client: ApiClient, posts: list[dict[str, str]]) -> bool:
    try:
        return bool(client.submit(posts))
    except ApiError:
        return False


def _saved(client: ApiClient) -> int:
    return sum(publication["posts"] for publication in client.publications())
