"""Connections to the broker besides Celery's: one error for all failures, and a Redis client."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from amqp.exceptions import AccessRefused, AMQPError, MessageNacked, NotAllowed
from celery import current_app
from kombu import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.utils.url import parse_url
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry
from redis.sentinel import Sentinel

from ingest.process.once import once

CONNECTION_ERRORS = (
    OperationalError,
    LimitExceeded,
    redis.RedisError,
    AMQPError,
    MessageNacked,
    OSError,
)

SENTINEL_PORT = 26379

REFUSALS = (AuthenticationError, AccessRefused, NotAllowed)


class BrokerRefused(Exception):
    """The broker refuses this user, password or virtual host; the same call cannot succeed."""


class BrokerUnavailable(Exception):
    """The broker did not answer in time; the same call may succeed later."""


@contextmanager
def unavailable_on_error(*, besides: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Raise BrokerUnavailable for every connection error in the block, besides those of a kind."""
    try:
        yield
    except besides:
        raise
    except CONNECTION_ERRORS as error:
        raise BrokerUnavailable(f"the broker does not answer: {error}") from error


def drop_connection(connection: Connection) -> None:
    """Close a connection to RabbitMQ without a word, since a frozen one would answer none."""
    if connection.transport.driver_type == "amqp":
        connection.collect()


def check_access() -> None:
    """
    Connect to the broker once; a broker that is away may come later.

    Raises:
        BrokerRefused: it answers, and no wait helps.
    """
    try:
        with unavailable_on_error(), current_app.connection_for_read() as connection:
            connection.channel()
    except BrokerUnavailable as error:
        if isinstance(error.__cause__, REFUSALS):
            raise BrokerRefused("the broker refuses the user, password or virtual host") from error


@once
def redis_client() -> redis.Redis:
    """Return this process's client of the embedded broker, or of another Redis."""
    options = current_app.conf.broker_transport_options
    url: str = current_app.conf.broker_url
    settings: dict[str, Any] = {
        "socket_timeout": options["socket_timeout"],
        "socket_connect_timeout": options["socket_connect_timeout"],
        "decode_responses": True,
        # One retry without a delay, since a restart closes connections and a client is waiting. A
        # frozen broker gets none: its answer would come too late for the client.
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    }
    if url.startswith("sentinel"):
        return _client_by_sentinel(url, options["master_name"], settings)
    if url.startswith("redis+socket"):  # kombu's form; redis-py's is unix://
        del settings["socket_connect_timeout"]
        url = f"unix{url.removeprefix('redis+socket')}".replace("virtual_host=", "db=")
    return redis.Redis.from_url(url, **settings)


def _client_by_sentinel(url: str, master: str, settings: dict[str, Any]) -> redis.Redis:
    servers = [parse_url(server) for server in url.split(";")]
    first = servers[0]
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        [(server["hostname"], server["port"] or SENTINEL_PORT) for server in servers],
        sentinel_kwargs={
            name: settings[name] for name in ("socket_timeout", "socket_connect_timeout")
        },
    )
    client: redis.Redis = sentinel.master_for(
        master,
        username=first["userid"],
        password=first["password"],
        db=int(first["virtual_host"] or 0),
        **settings,
    )
    return client
