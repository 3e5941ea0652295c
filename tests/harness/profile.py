"""
Which part of a step takes which share of its time, under Python's profiler.

    make profile

Each step runs in this process over the posts of `make bench`, one batch after another. The
profiler slows Python down more than compiled code, so the shares are rough.
"""

import cProfile
import logging
import pstats
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import django

from ingest.core.messages import AcceptedPost, PostEntities, cut
from ingest.core.posts import Post
from ingest.nlp.ner import BATCH_CHARACTERS
from ingestsite import configuration
from tests.harness import runner
from tests.harness.articles import PUBLICATIONS
from tests.harness.bench import texts
from tests.support import servers

POSTS = 2000
SAVE_POSTS = 250  # of one commit

# A part's time is that of these functions and their callees, by the end of the file and the name.
Parts = Mapping[str, Sequence[tuple[str, str]]]
EXTRACT: Parts = {
    "spaCy": [("spacy/util.py", "_pipe")],
    "the layers of its model": [("spacy/ml/tb_framework.py", "forward")],
    "its tokenizer": [("spacy/tokenizer.pyx", "_tokenize_affixes")],
    "telling the language": [("ingest/nlp/languages.py", "_language")],
}
SAVE: Parts = {
    "building writes": [
        ("store/firestore/commit.py", "create"),
        ("store/firestore/commit.py", "add"),
        ("store/firestore/commit.py", "raise_to"),
    ],
    "sending them": [("store/firestore/commit.py", "send")],
    "looking for posts and names": [("firestore_v1/client.py", "get_all")],
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

    load_spacy_models()  # loading is not measured
    runner.print_figures({"step": "extract", **shares(EXTRACT, work)})
    return found


def profile_save(posts: Sequence[PostEntities]) -> None:
    """Print where a save worker spends its time."""
    from ingest.store import open_store

    store = open_store()

    def work() -> None:
        for start in range(SAVE_POSTS, len(posts), SAVE_POSTS):
            store.add(posts[start : start + SAVE_POSTS])

    store.add(posts[:SAVE_POSTS])  # the first call connects
    runner.print_figures({"step": "save", **shares(SAVE, work)})


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
    with servers.emulator():
        profile_save(found)


if __name__ == "__main__":
    main()
