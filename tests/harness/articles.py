"""
Write 300 real news articles as posts: those that the gensim wheel carries for its own tests.

    python -m tests.harness.articles > FILE

They are the Lee background corpus, ABC news of 2000 to 2002; each post names one of five
publications in turn. The file is read from the installed wheel, and no copy is kept here.
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
