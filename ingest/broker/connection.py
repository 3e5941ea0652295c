"""The door to the broker, beside Celery: its failures by one name, and a client of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import redis
from amqp.exceptions import AMQPError, MessageNacked
from celery import current_app
from kombu.exceptions import LimitExceeded, OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECTION_ERRORS = (
    OperationalError,
    LimitExceeded,
    redis.RedisError,
    AMQPError,
    MessageNacked,
    OSError,
)


class BrokerUnavailable(Exception):
    """The broker did not answer, or not in time: the same call may succeed later."""


@contextmanager
def unavailable_on_error() -> Iterator[None]:
    """Turn every way in which a broker can be away into BrokerUnavailable."""
    try:
        yield
    except CONNECTION_ERRORS as error:
        raise BrokerUnavailable(f"the broker does not answer: {error}") from error


@cache
def redis_client() -> redis.Redis:
    """Return this process's own client of the embedded broker."""
    options = current_app.conf.broker_transport_options
    return redis.Redis.from_url(
        current_app.conf.broker_url,
        socket_timeout=options["socket_timeout"],
        socket_connect_timeout=options["socket_connect_timeout"],
        decode_responses=True,
        # Once more at once, for a connection that a restart has closed; a client waits for us.
        retry=Retry(NoBackoff(), 1),
    )
