"""
Kombu's Redis transport with an atomic take, so that a killed worker loses no message.

Kombu takes a message with BRPOP and records it as unacknowledged in a second step. A worker killed
between the two loses the message. Here a worker waits with BLMOVE, which moves the queue's last
message onto itself and removes nothing. Then one script removes and records the message.

A worker of a step takes from two queues, those of live and of bulk posts. The script looks at the
second one if the first is empty, and first of all at each fifth take.

A channel can take, acknowledge and buffer many messages at once, so a batch costs one round trip.

Kombu redelivers a message that is unacknowledged for longer than the visibility timeout, since its
worker may be dead. A live worker extends the visibility timeout of its messages.

The transport overrides private methods of kombu 5.7, so kombu is pinned. Run the kill tests before
raising its version.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty
from time import monotonic, sleep, time
from typing import Any
from uuid import uuid4

from kombu import transport
from kombu.transport import redis as kombu_redis
from kombu.transport import virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from redis.exceptions import OutOfMemoryError

from ingest.broker.publish import step_queue

# Of so many takes one looks at the queue of bulk posts first, so that no live post starves them.
TAKES_PER_BULK = 5

FULL_SECONDS = 0.05  # between two takes from a server without memory

# A process extends the visibility of its messages this often per visibility timeout.
RENEWALS = 4

# Takes from the first of its queues, KEYS[3] and later, that has messages. It takes one message, or
# as many as have ARGV[2] characters, and returns the queue before them. It records what kombu's
# QoS.append would record, in the form that kombu's restore_by_tag reads. An entry of the queue that
# is no message of kombu's becomes the body of one, with a tag that begins with ARGV[3], so that it
# is recorded too.
TAKE_SCRIPT = """
local function filled(value) return type(value) == 'table' and next(value) ~= nil end
local function is_message(value)
    return filled(value) and type(value.headers) == 'table' and #value.headers == 0
        and filled(value.properties) and type(value.properties.delivery_tag) == 'string'
        and filled(value.properties.delivery_info) and #value.properties.delivery_info == 0
end
local queue
for place = 3, #KEYS do
    queue = KEYS[place]
    if redis.call('EXISTS', queue) == 1 then break end
end
local taken, size = {queue}, 0
repeat
    local message = redis.call('RPOP', queue)
    if not message then break end
    local ok, found = pcall(cjson.decode, message)
    if not (ok and is_message(found)) then
        found = {
            body = message, headers = {malformed = true}, ['content-type'] = 'application/data',
            properties = {
                delivery_tag = ARGV[3] .. #taken,
                delivery_info = {exchange = '', routing_key = queue},
            },
        }
        message = cjson.encode(found)
    end
    local tag = found.properties.delivery_tag
    redis.call('ZADD', KEYS[2], ARGV[1], tag)
    redis.call('HSET', KEYS[1], tag, '[' .. message .. ',"",' .. cjson.encode(queue) .. ']')
    taken[#taken + 1] = message
    size = size + #message
until size >= tonumber(ARGV[2])
return taken
"""


class QoS(kombu_redis.QoS):
    """The unacknowledged messages of a channel; TAKE_SCRIPT has recorded them already."""

    def append(self, message: Any, delivery_tag: str) -> None:
        virtual.QoS.append(self, message, delivery_tag)


class Channel(kombu_redis.Channel):
    """
    A channel with an atomic take from the queues of one step, with acknowledgement.

    Replies to remote control need no acknowledgement, so kombu's own code takes them.
    """

    QoS = QoS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unacknowledged: set[str] = set()
        self._awaited: tuple[str, ...] = ()
        self._takes = 0
        self._client: Any = None
        self._buffer: list[tuple[str, str]] | None = None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Yield the channel's only client; kombu makes one per command, which costs more."""
        if client is None:
            client = self._client
            if client is None or client.connection_pool is not self.pool:
                client = self._client = self._create_client()
        yield client

    @contextmanager
    def buffer_publishes(self) -> Iterator[list[tuple[str, str]]]:
        """Collect the block's messages as (queue, message) instead of publishing them."""
        self._buffer = []
        try:
            yield self._buffer
        finally:
            self._buffer = None

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        if self._buffer is None:
            super()._put(queue, message, **kwargs)
        else:
            self._buffer.append((queue, dumps(message)))

    def decode_body(self, body: Any, encoding: str | None = None) -> Any:
        """Decode a body, or return a damaged one as it is, for its reader to refuse."""
        try:
            return super().decode_body(body, encoding)
        except Exception:  # an unknown encoding, or any error of a known one
            return body

    def _do_restore_message(self, payload: Any, *args: Any, **options: Any) -> None:
        """Put a message back; an empty list passes for headers in TAKE_SCRIPT, and kombu fails."""
        payload["headers"] = payload["headers"] or {}
        super()._do_restore_message(payload, *args, **options)

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        (self._unacknowledged.add if no_ack else self._unacknowledged.discard)(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        if no_ack:
            return super().basic_get(queue, no_ack, **kwargs)
        try:
            _, message = self._take((queue,))
            return self._track(message)
        except Empty:
            return None

    def get_many(self, queue: str, *, characters: int) -> list[Any]:
        """Take waiting messages in one step, until they have `characters` characters in all."""
        _, taken = self._take_many((queue,), characters)
        return [self._track(message) for message in taken]

    def ack_many(self, messages: Sequence[Any]) -> None:
        """Acknowledge messages in one step."""
        tags = [message.delivery_tag for message in messages]
        with self.conn_or_acquire() as client, client.pipeline() as step:
            step.zrem(self.unacked_index_key, *tags).hdel(self.unacked_key, *tags).execute()
        for tag in tags:
            virtual.QoS.ack(self.qos, tag)

    def _track(self, raw: Any) -> Any:
        message = self.Message(raw, channel=self)
        self.qos.append(message, message.delivery_tag)
        return message

    def extend_visibility(self) -> None:
        """Extend the visibility timeout of the channel's unacknowledged messages."""
        tags = list(self.qos._delivered)
        if tags:
            with self.conn_or_acquire() as client:
                client.zadd(self.unacked_index_key, dict.fromkeys(tags, time()), xx=True)

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = set(self.active_queues) - self._unacknowledged
        if not queues:
            self._awaited = ()
            super()._brpop_start(timeout)
            return
        if len(set(map(step_queue, queues))) > 1:
            raise RuntimeError(f"A worker takes from one step, not from {sorted(queues)}.")
        self._awaited = tuple(sorted(queues, key=lambda queue: queue != step_queue(queue)))
        queue = self._queue_to_wait_on()
        self._queue_cycle.consume(1)
        seconds = self.brpop_timeout if timeout is None else timeout
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        self.client.connection.send_command("BLMOVE", queue, queue, "RIGHT", "RIGHT", seconds or 0)

    def _queue_to_wait_on(self) -> str:
        """Return the last queue if it has messages, else the first: only one can be waited on."""
        first, *others = self._awaited
        with self.conn_or_acquire() as client:
            return next((queue for queue in others if client.exists(queue)), first)

    def _brpop_read(self, **options: Any) -> bool:
        if not self._awaited:
            taken: bool = super()._brpop_read(**options)
            return taken
        connection = self.client.connection
        try:
            try:
                waiting = self.client.parse_response(connection, "BLMOVE", **options)
            except OutOfMemoryError:
                # A full server refuses to wait, but lets a script take, which frees its memory.
                sleep(FULL_SECONDS)
                waiting = True
            except self.connection_errors:
                connection.disconnect()  # the next round opens a new connection
                raise
            queues = [queue for queue in self._awaited if queue in self.active_queues]
            if not waiting or not queues:
                raise Empty()
            queue, message = self._take(self._in_turn(queues))
            self.connection._deliver(message, queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _poll_error(self, type: str, **options: Any) -> None:
        awaited = type == "BRPOP" and bool(self._awaited)
        super()._poll_error("BLMOVE" if awaited else type, **options)

    def _in_turn(self, queues: Sequence[str]) -> Sequence[str]:
        """Return queues in the order of this take, which is now and then the reverse."""
        self._takes += 1
        return queues if self._takes % TAKES_PER_BULK else queues[::-1]

    def _take(self, queues: Sequence[str]) -> tuple[str, Any]:
        """Remove the next message and record it as unacknowledged, in one step."""
        queue, taken = self._take_many(queues, characters=0)
        for message in taken:
            return queue, message
        raise Empty()

    def _take_many(self, queues: Sequence[str], characters: int) -> tuple[str, list[Any]]:
        keys = (self.unacked_key, self.unacked_index_key, *queues)
        with self.conn_or_acquire() as client:
            answer = client.eval(TAKE_SCRIPT, len(keys), *keys, time(), characters, uuid4().hex)
        queue, *taken = map(bytes_to_str, answer)
        return queue, [loads(message) for message in taken]


class SentinelChannel(Channel, kombu_redis.SentinelChannel):
    """The same channel to the server that Redis Sentinel names at each connection."""


class Transport(kombu_redis.Transport):
    """The transport of `redis://` and `rediss://` URLs after a call of `install`."""

    Channel = Channel

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Let a worker's event loop extend the visibility of the worker's messages."""
        super().register_with_event_loop(connection, loop)
        cycle: Any = self.cycle
        if earlier := getattr(cycle, "_renewal_tref", None):
            earlier.cancel()
        seconds = connection.client.transport_options["visibility_timeout"] / RENEWALS
        cycle._renewal_tref = loop.call_repeatedly(seconds, _extend_all, cycle)


class SentinelTransport(Transport, kombu_redis.SentinelTransport):
    """The transport of `sentinel://` URLs after a call of `install`."""

    Channel = SentinelChannel


def _extend_all(cycle: Any) -> None:
    for channel in list(cycle._channels):
        channel.extend_visibility()


def install() -> None:
    """Use these transports for Redis' URLs, so that Flower understands the broker's URL."""
    for scheme in ("redis", "rediss"):
        transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
    transport.TRANSPORT_ALIASES["sentinel"] = f"{__name__}:SentinelTransport"
