"""
What the embedded broker loses when it is itself killed while posts come in.

    python -m tests.harness.broker_durability [--rounds N] [--fsync always|everysec]

Several publishers push confirmed messages as fast as they can, the server is killed with SIGKILL
and started again from its append-only file, and what was confirmed is compared with what is there.
Prints a line a round and one line of JSON.
"""

import json
import signal
import sys
import tempfile
import threading
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ingest.devstack.stack import Stack, wait_until
from tests.support.processes import processes

PUBLISHERS = 4


def round_of(stack: Stack, client: redis.Redis) -> tuple[int, int]:
    """Kill the broker under load once; return how many messages it confirmed, and lost."""
    confirmed: list[list[str]] = [[] for _ in range(PUBLISHERS)]
    client.flushall()

    def publish(own: list[str], number: int) -> None:
        with suppress(redis.RedisError):
            while True:
                name = f"{number}-{len(own)}"
                client.lpush("loss", name)
                own.append(name)

    threads = [threading.Thread(target=publish, args=(o, n)) for n, o in enumerate(confirmed)]
    for thread in threads:
        thread.start()
    wait_until(lambda: sum(map(len, confirmed)) > 5000, seconds=60, what="messages are confirmed")
    (valkey,) = (p for p in processes(stack) if "valkey" in p.name())
    valkey.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    wait_until(lambda: _answers(client), seconds=60, what="the broker is back")
    there = set(client.lrange("loss", 0, -1))
    every = [name for own in confirmed for name in own]
    return len(every), len(set(every) - there)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def main() -> int:
    """Kill the broker in as many rounds as the command line says."""
    parser = ArgumentParser(prog="python -m tests.harness.broker_durability")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--fsync", default="always", choices=("always", "everysec"))
    options = parser.parse_args()
    rounds = options.rounds
    confirmed, lost = 0, 0
    with tempfile.TemporaryDirectory(prefix="ingest-loss-") as folder:
        stack = Stack(Path(folder), {"INGEST_STORE": "null", "INGEST_BROKER_FSYNC": options.fsync})
        stack.prepare()
        try:
            stack.start()
            password = (stack.folder / "broker_password").read_text()
            port = int(stack.environment["INGEST_BROKER_PORT"])
            client = redis.Redis(
                port=port, password=password, decode_responses=True, retry=Retry(NoBackoff(), 0)
            )
            for number in range(rounds):
                some, gone = round_of(stack, client)
                print(f"round {number}: {some} confirmed, {gone} lost", flush=True)
                confirmed, lost = confirmed + some, lost + gone
            client.delete("loss")
        finally:
            stack.stop()
    print(
        json.dumps({"fsync": options.fsync, "kills": rounds, "confirmed": confirmed, "lost": lost})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
