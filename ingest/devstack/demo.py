"""
Run the main job from end to end: posts in over HTTP, entities out of the store.

    python -m ingest.devstack.demo [--recount] [POSTS.jsonl]

Starts its own stack, and submits the posts of a file, one `{"publication", "content"}` a line, or
the samples. Waits until the queues are empty, prints the ten most mentioned entities of each
publication, and stops everything. Exits 0 only if every accepted post was saved. With `--recount`,
the model alone also counts every post, and every entity's count must be equal.
"""

import json
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ingest import samples
from ingest.client import ApiClient, ApiError
from ingest.client.answers import ApiResult
from ingest.core.aliases import Rules
from ingest.core.counts import name_of
from ingest.core.default_names import defaults_of
from ingest.core.posts import publication_key
from ingest.devstack.stack import Stack, WaitTimeout, wait_until
from ingest.nlp.ner import find_entities, load_plain_model
from ingestsite import configuration

REQUEST_POSTS = 50
MAX_WAIT_SECONDS = 3600  # until the queues must be empty
MAX_REFUSAL_SECONDS = 60  # until a list must be accepted

PostBody = dict[str, Any]
EntityMentions = Counter[tuple[str, str, str]]  # by publication's key, entity's family and key


def read_posts(path: Path | None) -> list[PostBody]:
    """Read the posts of a file, or the samples."""
    if path is None:
        return [dict(post) for post in samples.read()]
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def submit(client: ApiClient, posts: Sequence[PostBody]) -> set[str]:
    """Submit posts, and return the ids of the accepted ones."""
    accepted: set[str] = set()
    for start in range(0, len(posts), REQUEST_POSTS):
        for answer in _submit(client, posts[start : start + REQUEST_POSTS]):
            if answer["status"] == "refused":
                print("refused:", answer["errors"], file=sys.stderr)
            else:
                accepted.add(answer["id"])
    return accepted


def _submit(client: ApiClient, posts: Sequence[PostBody]) -> list[ApiResult]:
    """Submit posts, again while the API refuses them; no post counts twice."""
    answers: list[ApiResult] = []

    def are_accepted() -> bool:
        with _ignore_unavailable():
            answers.extend(client.submit(posts))
            return True
        return False

    wait_until(are_accepted, seconds=MAX_REFUSAL_SECONDS, what="posts are accepted")
    return answers


def show(client: ApiClient) -> None:
    """Print a table of the ten most mentioned entities of each publication."""
    console = Console()
    for publication in client.publications():
        title = f"{publication['name']}: {publication['posts']} posts"
        table = Table("entity", "label", title=title)
        table.add_column("mentions", justify="right")
        table.add_column("posts", justify="right")
        for entity in islice(client.entities(publication["name"]), 10):
            counts = (str(entity["mentions"]), str(entity["posts"]))
            table.add_row(entity["text"], entity["label"], *counts)
        console.print(table)


def counted(client: ApiClient) -> EntityMentions:
    """Return every count of the API."""
    counts: EntityMentions = Counter()
    for publication in client.publications():
        counts.update(counted_of(client, publication["name"]))
    return counts


def counted_of(client: ApiClient, name: str) -> EntityMentions:
    """Return every count of one publication in the API."""
    key = publication_key(name)
    return Counter({(key, e["family"], e["key"]): e["mentions"] for e in client.entities(name)})


def recounted(posts: Iterable[PostBody]) -> EntityMentions:
    """Count the mentions of distinct posts with the model alone, under the default names."""
    nlp, rules = load_plain_model(configuration.MODEL), Rules(defaults=defaults_of({}))
    distinct = {(publication_key(p["publication"]), p["content"].strip()) for p in posts}
    counts: EntityMentions = Counter()
    for publication, content in distinct:
        for entity in find_entities(content, nlp, labels=configuration.LABELS):
            if found := rules.counted_as(entity, publication):
                counts[publication, *name_of(found)] += found.mentions
    return counts


def differences(counts: EntityMentions, oracle: EntityMentions) -> list[str]:
    """Return a line for each difference of two counts."""
    return [
        f"{' / '.join(name)}: {counts[name]} counted, {oracle[name]} recounted"
        for name in sorted(counts.keys() | oracle.keys())
        if counts[name] != oracle[name]
    ]


def run(posts: Sequence[PostBody], *, recount: bool) -> int:
    """Run the demo, and return the exit status."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ingest-demo-") as folder:
        stack = Stack(Path(folder))
        client = stack.prepare()
        try:
            stack.start()
            print(stack.said("store: "))
            accepted = submit(client, posts[:1])
            await_empty(client)
            first = time.monotonic() - began
            accepted |= submit(client, posts[1:])
            await_empty(client)
            show(client)
            saved = sum(publication["posts"] for publication in client.publications())
            dead = client.status()["dead_letters"]
            wrong = differences(counted(client), recounted(posts)) if recount else []
        finally:
            stack.stop()
    print(f"first post saved {first:.1f} s after the start")
    for line in wrong:
        print(line)
    if recount:
        print(f"recounted with the model alone: {len(wrong)} counts differ")
    print(f"accepted {len(accepted)} saved {saved} dead {dead}")
    return 0 if saved == len(accepted) and not dead and not wrong else 1


def await_empty(client: ApiClient) -> None:
    """Wait until every accepted post is processed."""
    wait_until(lambda: _is_empty(client), seconds=MAX_WAIT_SECONDS, what="the queues are empty")


def _is_empty(client: ApiClient) -> bool:
    """Return whether the queues are empty; False while the API cannot say."""
    with _ignore_unavailable():
        return bool(client.status()["empty"])
    return False


@contextmanager
def _ignore_unavailable() -> Iterator[None]:
    """Leave the block when the API answers with 503."""
    try:
        yield
    except ApiError as error:
        if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise


def main() -> int:
    """Read the command line and run the demo."""
    parser = ArgumentParser(prog="ingest demo", description="Run the main job on posts.")
    parser.add_argument(
        "posts", nargs="?", type=Path, help="a file with one post a line (default: the samples)"
    )
    parser.add_argument(
        "--recount", action="store_true", help="check every count with the model alone"
    )
    arguments = parser.parse_args()
    try:
        return run(read_posts(arguments.posts), recount=arguments.recount)
    except WaitTimeout as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
