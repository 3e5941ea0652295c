"""Rows are sent in requests, in their order, and when the server allows."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

from ingest.client import ApiClient, ApiError
from ingest.loader.checkpoint import AlreadyRunning, Checkpoint, CheckpointFile
from ingest.loader.progress import RowProgress
from ingest.loader.reading.rows import Row
from ingest.loader.sender import Backoff, FatalError, RequestSize, Sender, Stopped, sender_of
from ingest.models import ApiKey, Scope
from tests.support.clients import queued


def row(number: int, **post: Any) -> Row:
    return Row(number, 0, json.dumps(post).encode(), post=post)


def answered(status: int, **headers: str) -> ApiError:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    response._content = b"<html>"
    return ApiError(response)


def seconds_off(backoff: Backoff) -> float:
    return backoff._next_at - time.monotonic()


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_is_as_long_as_the_server_says(status: int) -> None:
    backoff = Backoff(timeout_seconds=60)
    backoff.back_off(answered(status, **{"Retry-After": "40"}))
    assert 39 < seconds_off(backoff) < 49
    assert str(status) in backoff.reason


def test_a_pause_may_be_a_date() -> None:
    error = answered(503, **{"Retry-After": formatdate(time.time() + 100, usegmt=True)})
    assert error.retry_after is not None
    assert 95 < error.retry_after <= 100


def test_without_retry_after_pauses_grow_until_the_timeout() -> None:
    backoff = Backoff(timeout_seconds=600)
    backoff.back_off(requests.ConnectionError())
    assert 1 < seconds_off(backoff) < 3
    backoff._failures, backoff._next_at = 20, 0
    backoff.back_off(answered(502))
    assert 29 < seconds_off(backoff) < 37
    backoff._answered_at -= 1000
    with pytest.raises(FatalError, match="no answer for 600 s"):
        backoff.back_off(requests.ConnectionError())


def test_retry_after_is_obeyed_beyond_the_timeout() -> None:
    backoff = Backoff(timeout_seconds=1)
    backoff._answered_at -= 1000
    backoff.back_off(answered(503, **{"Retry-After": "5"}))
    assert not backoff.stopping.is_set()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_an_error_that_no_repetition_can_help_ends_the_load(status: int) -> None:
    with pytest.raises(FatalError, match=str(status)):
        Backoff(timeout_seconds=600).back_off(answered(status))


def test_a_signal_ends_a_pause() -> None:
    backoff = Backoff(timeout_seconds=600)
    backoff.back_off(answered(503, **{"Retry-After": "1000"}))
    backoff.stopping.set()
    with pytest.raises(Stopped):
        backoff.wait()


def test_a_post_takes_the_same_sender_as_its_edits() -> None:
    one = row(1, publication="The  Gazette", id="7", content="a")
    edit = row(2, publication="the gazette", id="7", content="b")
    assert all(sender_of(one, count) == sender_of(edit, count) for count in range(1, 20))
    spread = {sender_of(row(n, publication="P", content=str(n)), 4) for n in range(100)}
    assert spread == {0, 1, 2, 3}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_broker", "forgotten_keys")
def test_a_request_that_is_too_large_is_sent_in_parts(
    live_server: LiveServer, settings: Any
) -> None:
    settings.MAX_BODY_BYTES = 1000  # as of a proxy, which /api/limits does not know
    _, key = ApiKey.create("load", scopes=list(Scope.values))
    found: dict[int, str] = {}

    def on_results(rows: Sequence[Row], results: Sequence[Mapping[str, Any]]) -> None:
        found.update((row.number, answer["status"]) for row, answer in zip(rows, results))  # noqa: B905

    client = ApiClient(live_server.url, key)
    sender = Sender(client, Backoff(timeout_seconds=60), RequestSize(100, 1_000_000), on_results)
    for number in range(20):
        content = "x" * (2000 if number == 7 else 150)
        sender.put(row(number, publication="P", content=f"{number} {content}"))
    sender.end()
    sender.run()
    assert [number for number, status in found.items() if status == "refused"] == [7]
    assert len(found) == 20
    assert len(queued()) == 19


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_broker", "forgotten_keys")
def test_a_list_that_is_refused_as_a_whole_has_its_results_too(live_server: LiveServer) -> None:
    _, key = ApiKey.create("load", scopes=list(Scope.values))
    results = ApiClient(live_server.url, key).submit([{"content": "a"}, {"publication": 7}])
    assert [result["status"] for result in results] == ["refused", "refused"]
    assert [error["pointer"] for error in results[1]["errors"]] == ["/1/content", "/1/publication"]


def record_all(progress: RowProgress, rows: Sequence[Row], status: str = "accepted") -> None:
    for one in rows:
        progress.expect(one, bytes([one.number]), Backoff(timeout_seconds=1).stopping)
    progress.record(rows, [{"status": status, "errors": []} for _ in rows])


def test_rows_are_done_in_their_order_only(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    with closing(RowProgress(file, Checkpoint())) as progress:
        record_all(progress, [row(2), row(4)])
        assert (progress.rows, file.read()) == (0, Checkpoint())
        record_all(progress, [row(1)], "refused")
        assert file.read().rows == 2
        record_all(progress, [row(3)])
    assert file.read().counts == {"accepted": 3, "refused": 1}
    assert file.read().digest == "04"


def test_refused_rows_of_a_killed_load_are_written_once(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    with closing(RowProgress(file, Checkpoint())) as progress:
        record_all(progress, [row(1)], "refused")
    with file.refused.open("ab") as refused:
        refused.write(b"written before the kill, without a checkpoint\n")
    with closing(RowProgress(file, file.read())) as progress:
        record_all(progress, [row(2)], "refused")
    lines = file.refused.read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == [1, 2]


def test_a_checkpoint_that_cannot_be_read_is_the_beginning(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    file._path.write_text('{"rows": 10')
    assert file.read() == Checkpoint()


def test_the_name_of_a_file_may_be_long(tmp_path: Path) -> None:
    url = f"https://example.org/{'x' * 250}.jsonl?token={'y' * 500}"
    file = CheckpointFile(tmp_path, path=url, url="http://x")
    file.write(Checkpoint(7))
    assert CheckpointFile(tmp_path, path=url, url="http://x").read().rows == 7
    assert CheckpointFile(tmp_path, path=url[:-1], url="http://x").read().rows == 0


def test_two_processes_do_not_load_the_same_file(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    with file.locked(), pytest.raises(AlreadyRunning), file.locked():
        pass
    other = CheckpointFile(tmp_path, path="p.jsonl", url="http://another")
    with file.locked(), other.locked():
        pass
