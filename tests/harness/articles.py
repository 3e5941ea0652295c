"""
Print 300 real news articles as posts, from the gensim wheel's own test data.

    python -m tests.harness.articles > FILE

They are the Lee background corpus: ABC news of 2000 to 2002. The posts name five publications in
turn. The program reads the installed wheel, and the repository has no copy.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ENCODINGS = {"lee_background": "utf-8", "lee": "cp1252"}
PUBLICATIONS = ("ABC Morning", "ABC Noon", "ABC Evening", "ABC Night", "ABC Weekend")


def articles(corpus: str = "lee_background") -> Iterator[str]:
    """Yield the articles' texts; the corpus `lee` has 50 more of 2002."""
    spec = find_spec("gensim")
    assert spec, "the articles come with requirements/bench.txt"
    assert spec.origin
    file = Path(spec.origin).parent / f"test/test_data/{corpus}.cor"
    yield from file.read_text(ENCODINGS[corpus]).splitlines()


def main() -> None:
    """Print the posts, one a line."""
    for number, content in enumerate(articles()):
        publication = PUBLICATIONS[number % len(PUBLICATIONS)]
        print(json.dumps({"publication": publication, "content": content}))


if __name__ == "__main__":
    main()
