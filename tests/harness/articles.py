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

PUBLICATIONS = ("ABC Morning", "ABC Noon", "ABC Evening", "ABC Night", "ABC Weekend")


def articles() -> Iterator[str]:
    """Yield the articles' texts."""
    spec = find_spec("gensim")
    assert spec, "the articles come with requirements/bench.txt"
    assert spec.origin
    corpus = Path(spec.origin).parent / "test/test_data/lee_background.cor"
    yield from corpus.read_text("utf-8").splitlines()


def main() -> None:
    """Print the posts, one a line."""
    for number, content in enumerate(articles()):
        publication = PUBLICATIONS[number % len(PUBLICATIONS)]
        print(json.dumps({"publication": publication, "content": content}))


if __name__ == "__main__":
    main()
