"""Connections to the broker besides Celery's: one error for all failures, and a Redis client."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import redis
from amqp.exceptions import AccessRefused, AMQPError, MessageNacked, NotAllowed
from celery import current_app
from kombu.exceptions import LimitExceeded, OperationalError
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

CONNECTION_ERRORS = (
    OperationalError,
    LimitExceeded,
    redis.RedisError,
    AMQPError,
    MessageNacked,
    OSError,
)

REFUSALS = (AuthenticationError, AccessRefused, NotAllowed)


class BrokerRefused(Exception):
    """The broker refuses this user, password or virtual host; the same call cannot succeed."""


class BrokerUnavailable(Exception):
    """The broker did not answer in time; the same call may succeed later."""


@contextmanager
def unavailable_on_error() -> Iterator[None]:
    """Raise BrokerUnavailable for every connection error in the block."""
    try:
        yield
    except CONNECTION_ERRORS as error:
        raise BrokerUnavailable(f"the broker does not answer: {error}") from error


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


@cache
def redis_client() -> redis.Redis:
    """Return this process's client of the embedded broker."""
    options = current_app.conf.broker_transport_options
    return redis.Redis.from_url(
        current_app.conf.broker_url,
        socket_timeout=options["socket_timeout"],
        socket_connect_timeout=options["socket_connect_timeout"],
        decode_responses=True,
        # One retry without a delay, since a restart closes connections and a client is waiting.
        retry=Retry(NoBackoff(), 1),
    )
