"""Parts that are asked at the same time, each with its answer or the reason why there is none."""

import threading

from ingest.observability.probe import Probe, ask_all


def test_answers_errors_and_silence_stand_beside_each_other() -> None:
    silent, ended = threading.Event(), threading.Event()

    def hang() -> None:
        silent.wait()
        ended.set()

    def fail() -> None:
        raise OSError("refused")

    try:
        good, bad, late = ask_all(
            Probe("A", lambda: 1), Probe("B", fail), Probe("C", hang), seconds=0.1
        )
    finally:
        silent.set()
    assert (good.found, good.problem) == (1, "")
    assert (bad.found, bad.problem) == (None, "B does not answer: refused")
    assert (late.found, late.problem) == (None, "C does not answer within 0.1 seconds.")
    assert ended.wait(30)


def test_an_answer_is_used_again_while_it_is_new() -> None:
    asked: list[int] = []
    cached = Probe("A", lambda: asked.append(1), cache_seconds=60)
    fresh = Probe("B", lambda: asked.append(2))
    for _ in range(2):
        ask_all(cached, fresh, seconds=30)
    assert sorted(asked) == [1, 2, 2]
