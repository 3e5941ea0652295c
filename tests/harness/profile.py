"""
Where the milliseconds of a post go inside the steps: their shares under Python's profiler.

    make profile

Each step runs in this process, over the posts of `make bench`, with one batch after another.
The profiler makes Python dearer beside what is compiled, so read the shares as rough.
"""

from tests import environment  # isort: skip  (it decides the ports, before they are read)

import cProfile
import json
import logging
import pstats
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import django

from ingest.core.messages import AcceptedPost, PostEntities, cut
from ingest.core.posts import Post
from ingest.nlp.ner import BATCH_CHARACTERS
from ingestsite import configuration
from tests.harness.articles import PUBLICATIONS
from tests.harness.bench import texts
from tests.support.servers import server

POSTS = 2000
SAVED_AT_A_TIME = 250

# What a share is of: the time in these functions and all that they call, by file and name.
Parts = Mapping[str, Sequence[tuple[str, str]]]
EXTRACT: Parts = {
    "spaCy": [("spacy/util.py", "_pipe")],
    "the layers of its model": [("spacy/ml/tb_framework.py", "forward")],
    "its tokenizer": [("spacy/tokenizer.pyx", "_tokenize_affixes")],
    "telling the language": [("ingest/nlp/languages.py", "_language")],
}
SAVE: Parts = {
    "Google's client, building writes": [
        ("firestore_v1/base_batch.py", "create"),
        ("firestore_v1/base_batch.py", "set"),
    ],
    "Google's client, sending them": [("firestore_v1/batch.py", "commit")],
}


def shares(parts: Parts, work: Callable[[], object]) -> dict[str, float]:
    """Run work under the profiler; return each part's share of its time."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    profile = pstats.Stats(profiler)
    cumulative: dict[tuple[str, int, str], float] = {
        function: figures[3] for function, figures in vars(profile)["stats"].items()
    }
    whole: float = vars(profile)["total_tt"]
    found = {}
    for part, functions in parts.items():
        seconds = [
            spent
            for (file, _, name), spent in cumulative.items()
            if any(file.endswith(ending) and name == wanted for ending, wanted in functions)
        ]
        assert seconds, f"{part}: nothing was called {functions}"
        found[part] = round(sum(seconds) / whole, 2)
    return found


def profile_extract(posts: Sequence[AcceptedPost]) -> list[PostEntities]:
    """Print where an extract child spends its time; return what it found."""
    from ingest.nlp.languages import extract_by_language
    from ingest.worker.steps import load_spacy_models

    found: list[PostEntities] = []

    def work() -> None:
        for batch in cut(posts, characters=BATCH_CHARACTERS):
            found.extend(
                extract_by_language(batch, load_spacy_models(), labels=configuration.LABELS)
            )

    load_spacy_models()  # loading is no part of it
    _print("extract", shares(EXTRACT, work))
    return found


def profile_save(posts: Sequence[PostEntities]) -> None:
    """Print where a saver spends its time."""
    from ingest.store import open_store

    store = open_store()

    def work() -> None:
        for start in range(SAVED_AT_A_TIME, len(posts), SAVED_AT_A_TIME):
            store.add(posts[start : start + SAVED_AT_A_TIME])

    store.add(posts[:SAVED_AT_A_TIME])  # the first call connects
    _print("save", shares(SAVE, work))


def _print(step: str, found: Mapping[str, float]) -> None:
    print(json.dumps({"step": step, **found}), flush=True)


def main() -> None:
    """Profile the two steps that take most of a post's time."""
    django.setup()
    logging.getLogger("ingest").setLevel(logging.WARNING)
    now = datetime.now(UTC)
    posts = [
        AcceptedPost.from_post(
            Post(content=text, publication=PUBLICATIONS[number % len(PUBLICATIONS)]),
            accepted_at=now,
        )
        for number, text in enumerate(texts(POSTS, size=1300, seed=5))
    ]
    found = profile_extract(posts)
    with server("ingest.devstack.firestore_emulator", environment.FIRESTORE_PORT):
        profile_save(found)


if __name__ == "__main__":
    main()
