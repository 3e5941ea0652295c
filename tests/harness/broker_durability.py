"""
What the embedded broker loses when it is killed while posts come in.

    python -m tests.harness.broker_durability [--rounds N] [--fsync always|everysec]

Several publishers push messages as fast as they can. The program kills the server with SIGKILL, and
the server restarts from its append-only file. The confirmed messages are compared with those that
are still there. The program prints a line for each round and one line of JSON.
"""

import signal
import sys
import threading
from contextlib import suppress

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ingest.devstack.stack import Stack, wait_until
from tests.harness import runner
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
    parser = runner.argument_parser("broker_durability", "Kill the embedded broker under load.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--fsync", default="always", choices=("always", "everysec"))
    options = parser.parse_args()
    confirmed, lost = 0, 0
    settings = {"INGEST_STORE": "null", "INGEST_BROKER_FSYNC": options.fsync}
    with (
        runner.temporary_folder("loss") as folder,
        runner.prepared_stack(folder, settings) as (stack, _, _),
    ):
        stack.start()
        client = redis.Redis(
            port=int(stack.environment["INGEST_BROKER_PORT"]),
            password=(folder / "broker_password").read_text(),
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
        )
        for number in range(options.rounds):
            some, gone = round_of(stack, client)
            print(f"round {number}: {some} confirmed, {gone} lost", flush=True)
            confirmed, lost = confirmed + some, lost + gone
        client.delete("loss")
    runner.print_figures(
        {"fsync": options.fsync, "kills": options.rounds, "confirmed": confirmed, "lost": lost}
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
