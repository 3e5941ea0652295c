"""
How many requests a key has made in its current minute, counted once for all processes.

A minute begins with the first request after the last one ended. It is counted where the gate is:
in the embedded broker, or in a row of the database beside RabbitMQ. Without a limit nothing is.
"""

from dataclasses import dataclass
from datetime import timedelta

from celery import current_app
from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from ingest.broker.connection import BrokerUnavailable, redis_client, unavailable_on_error
from ingest.models import KeyUse

PERIOD_SECONDS = 60  # seconds

COUNT_SCRIPT = """
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {used, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True)
class RateLimitState:
    """The requests of a key in its minute, this one among them, and the seconds until it ends."""

    limit: int
    used: int
    seconds: float

    @property
    def allowed(self) -> bool:
        """Whether this request was one of those that the key may make."""
        return self.used <= self.limit

    @property
    def left(self) -> int:
        """How many more the key may make."""
        return max(0, self.limit - self.used)


def count_request(key_id: int, *, limit: int) -> RateLimitState:
    """
    Count one more request of a key.

    Raises:
        BrokerUnavailable: nobody can tell how many there were.
    """
    in_broker, in_database = COUNTERS
    rabbitmq = current_app.conf.broker_url.startswith("amqp")
    used, seconds = (in_database if rabbitmq else in_broker)(key_id)
    return RateLimitState(limit, used, seconds)


def _in_broker(key_id: int) -> tuple[int, float]:
    with unavailable_on_error():
        used, milliseconds = redis_client().eval(
            COUNT_SCRIPT, 1, f"ingest:use:{key_id}", PERIOD_SECONDS
        )
    return int(used), max(0, int(milliseconds)) / 1000


def _in_database(key_id: int) -> tuple[int, float]:
    now = timezone.now()
    try:
        with transaction.atomic():
            fresh = {"ends_at": now}
            use, _ = KeyUse.objects.select_for_update().get_or_create(key_id=key_id, defaults=fresh)
            if use.ends_at <= now:
                use.used, use.ends_at = 0, now + timedelta(seconds=PERIOD_SECONDS)
            use.used += 1
            use.save()
    except DatabaseError as error:
        raise BrokerUnavailable(f"the database does not answer: {error}") from error
    return use.used, (use.ends_at - now).total_seconds()


COUNTERS = (_in_broker, _in_database)
