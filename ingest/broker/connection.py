"""Connections to the broker besides Celery's: one error for all failures, and a Redis client."""

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


@cache
def redis_client() -> redis.Redis:
    """Return this process's client of the embedded broker."""
    options = current_app.conf.broker_transport_options
    return redis.Redis.from_url(
        current_app.conf.broker_url,
        socket_timeout=options["socket_timeout"],
        socket_connect_timeout=options["socket_connect_timeout"],
        decode_responses=True,
        # One retry without a delay, since a restart closes connections and a client is waiting. A
        # frozen broker gets none: its answer would come too late for the client.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
