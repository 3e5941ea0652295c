"""Sample posts, written for this project: for the demo, the tests and warming a tokenizer."""

import json
from collections.abc import Iterator
from importlib.resources import files


def read() -> Iterator[dict[str, str]]:
    """Yield the sample posts, each with a `publication` and its `content`."""
    for line in files(__name__).joinpath("posts.jsonl").read_text("utf-8").splitlines():
        yield json.loads(line)
