"""A broker that is frozen, or answers and takes no message: every answer comes within 5 seconds."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import requests

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from tests.support import prepared
from tests.support.processes import processes
from tests.support.rabbitmq import RabbitMQ

LIMIT_SECONDS = 5
CLIENTS = 8
POST = next(iter(samples.read()))


def refusal(client: ApiClient) -> tuple[int, float]:
    """Return the status that a new post gets, and after how many seconds."""
    began = time.monotonic()
    try:
        client.submit([POST])
    except ApiError as error:
        return error.status, time.monotonic() - began
    return 202, time.monotonic() - began


def check(stack: Stack, client: ApiClient) -> None:
    """Check that every answer says that the broker takes nothing, in time."""
    deadline = time.monotonic() + LIMIT_SECONDS
    wait_until(
        lambda: requests.get(f"{stack.url}/readyz", timeout=LIMIT_SECONDS).status_code == 503,
        seconds=LIMIT_SECONDS,
        what="the server says that it is not ready",
    )
    assert time.monotonic() < deadline
    for _ in range(2):
        with ThreadPoolExecutor(CLIENTS) as pool:
            found = list(pool.map(refusal, [client] * CLIENTS))
        assert {status for status, _ in found} == {503}
        assert max(seconds for _, seconds in found) < LIMIT_SECONDS


def strikes(
    stack: Stack, request: pytest.FixtureRequest
) -> list[tuple[Callable[[], object], Callable[[], object]]]:
    """Return each way to block the stack's broker, with the way to free it."""
    if (
        "INGEST_BROKER_URL" in stack.environment
        and "amqp" in stack.environment["INGEST_BROKER_URL"]
    ):
        node: RabbitMQ = request.getfixturevalue("rabbitmq")
        return [
            (node.exhaust_memory, node.free_memory),
            (node.exhaust_disk, node.free_disk),
            (lambda: node.send(signal.SIGSTOP), lambda: node.send(signal.SIGCONT)),
        ]
    (valkey,) = (process for process in processes(stack) if "valkey" in process.name())
    password = (stack.folder / "broker_password").read_text()
    port = int(stack.environment["INGEST_BROKER_PORT"])
    client = redis.Redis(port=port, password=password)
    return [
        (lambda: client.config_set("maxmemory", 1), lambda: client.config_set("maxmemory", 0)),
        (valkey.suspend, valkey.resume),
    ]


def test_a_blocked_broker_is_reported_and_refuses_in_time(
    stack: Stack, request: pytest.FixtureRequest
) -> None:
    client = prepared.prepare(stack)
    stack.start()
    demo.await_empty(client)
    for block, free in strikes(stack, request):
        demo.submit(client, [POST])
        block()
        try:
            check(stack, client)
        finally:
            free()
        wait_until(lambda: refusal(client)[0] == 202, seconds=60, what="posts are accepted again")
        demo.await_empty(client)
