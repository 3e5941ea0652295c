"""
The rate limit: the requests of a key in its current minute, over all processes.

A minute starts with the first request after the last minute ended. The embedded broker keeps the
count; with RabbitMQ, a database row does. A key without a limit has no count.
"""

from dataclasses import dataclass
from datetime import timedelta

from celery import current_app
from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from ingest.broker.connection import BrokerUnavailable, redis_client, unavailable_on_error
from ingest.models import KeyUse

PERIOD_SECONDS = 60

COUNT_SCRIPT = """
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {used, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True)
class RateLimitState:
    """The requests of a key in its minute, with the current one, and the seconds to its end."""

    limit: int
    used: int
    seconds: float

    @property
    def allowed(self) -> bool:
        """Whether the key may make this request."""
        return self.used <= self.limit

    @property
    def left(self) -> int:
        """The number of requests that the key may still make."""
        return max(0, self.limit - self.used)


def count_request(key_id: int, *, limit: int) -> RateLimitState:
    """
    Count one more request of a key.

    Raises:
        BrokerUnavailable: the count cannot be read.
    """
    count_in_broker, count_in_database = COUNTERS
    rabbitmq = current_app.conf.broker_url.startswith("amqp")
    used, seconds = (count_in_database if rabbitmq else count_in_broker)(key_id)
    return RateLimitState(limit, used, seconds)


def _count_in_broker(key_id: int) -> tuple[int, float]:
    with unavailable_on_error():
        used, milliseconds = redis_client().eval(
            COUNT_SCRIPT, 1, f"ingest:use:{key_id}", PERIOD_SECONDS
        )
    return int(used), max(0, int(milliseconds)) / 1000


def _count_in_database(key_id: int) -> tuple[int, float]:
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


COUNTERS = (_count_in_broker, _count_in_database)
