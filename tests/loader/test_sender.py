"""How rows are sent: in parts, in their order, and when the server says."""

import json
import time
from collections.abc import Sequence
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
from ingest.loader.readers import Row
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


def seconds_off(pace: Backoff) -> float:
    return pace._next - time.monotonic()


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_is_as_long_as_the_server_says(status: int) -> None:
    pace = Backoff(patience=60)
    pace.back_off(answered(status, **{"Retry-After": "40"}))
    assert 39 < seconds_off(pace) < 49
    assert str(status) in pace.waits_for


def test_a_pause_may_be_said_as_a_date() -> None:
    error = answered(503, **{"Retry-After": formatdate(time.time() + 100, usegmt=True)})
    assert error.retry_after is not None
    assert 95 < error.retry_after <= 100


def test_without_a_word_pauses_grow_until_patience_ends() -> None:
    pace = Backoff(patience=600)
    pace.back_off(requests.ConnectionError())
    assert 1 < seconds_off(pace) < 3
    pace._failures, pace._next = 20, 0
    pace.back_off(answered(502))
    assert 29 < seconds_off(pace) < 37
    pace._well -= 1000
    with pytest.raises(FatalError, match="no answer for 600 s"):
        pace.back_off(requests.ConnectionError())


def test_a_server_that_says_when_is_waited_for_whatever_the_patience() -> None:
    pace = Backoff(patience=1)
    pace._well -= 1000
    pace.back_off(answered(503, **{"Retry-After": "5"}))
    assert not pace.stopping.is_set()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_no_repetition_mends_ends_the_load(status: int) -> None:
    with pytest.raises(FatalError, match=str(status)):
        Backoff(patience=600).back_off(answered(status))


def test_whoever_waits_hears_of_the_stop() -> None:
    pace = Backoff(patience=600)
    pace.back_off(answered(503, **{"Retry-After": "1000"}))
    pace.stopping.set()
    with pytest.raises(Stopped):
        pace.wait()


def test_a_post_takes_the_same_lane_as_its_edits() -> None:
    one = row(1, publication="The  Gazette", id="7", content="a")
    edit = row(2, publication="the gazette", id="7", content="b")
    assert all(sender_of(one, lanes) == sender_of(edit, lanes) for lanes in range(1, 20))
    spread = {sender_of(row(n, publication="P", content=str(n)), 4) for n in range(100)}
    assert spread == {0, 1, 2, 3}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_broker", "forgotten_keys")
def test_a_request_that_is_too_large_is_sent_in_parts(
    live_server: LiveServer, settings: Any
) -> None:
    settings.MAX_BODY_BYTES = 1000  # as of a proxy, of which /api/limits knows nothing
    _, key = ApiKey.create("load", scopes=list(Scope.values))
    found: dict[int, str] = {}

    def settle(rows: Sequence[Row], results: Sequence[dict[str, Any]]) -> None:
        found.update((row.number, answer["status"]) for row, answer in zip(rows, results))  # noqa: B905

    client = ApiClient(live_server.url, key)
    lane = Sender(client, Backoff(patience=60), RequestSize(100, 1_000_000), settle)
    for number in range(20):
        content = "x" * (2000 if number == 7 else 150)
        lane.put(row(number, publication="P", content=f"{number} {content}"))
    lane.end()
    lane.run()
    assert [number for number, status in found.items() if status == "refused"] == [7]
    assert len(found) == 20
    assert len(queued()) == 19


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_broker", "forgotten_keys")
def test_a_list_of_which_nothing_is_a_post_has_its_results_too(live_server: LiveServer) -> None:
    _, key = ApiKey.create("load", scopes=list(Scope.values))
    results = ApiClient(live_server.url, key).submit([{"content": "a"}, {"publication": 7}])
    assert [result["status"] for result in results] == ["refused", "refused"]
    assert [error["pointer"] for error in results[1]["errors"]] == ["/1/content", "/1/publication"]


def settle_all(ledger: RowProgress, rows: Sequence[Row], status: str = "accepted") -> None:
    for one in rows:
        ledger.expect(one, bytes([one.number]), Backoff(patience=1).stopping)
    ledger.settle(rows, [{"status": status, "errors": []} for _ in rows])


def test_rows_are_through_in_their_order_only(tmp_path: Path) -> None:
    journal = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    with closing(RowProgress(journal, Checkpoint())) as ledger:
        settle_all(ledger, [row(2), row(4)])
        assert (ledger.rows, journal.read()) == (0, Checkpoint())
        settle_all(ledger, [row(1)], "refused")
        assert journal.read().rows == 2
        settle_all(ledger, [row(3)])
    assert journal.read().counts == {"accepted": 3, "refused": 1}
    assert journal.read().digest == "04"


def test_refused_rows_of_a_run_that_was_killed_are_written_once(tmp_path: Path) -> None:
    journal = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    with closing(RowProgress(journal, Checkpoint())) as ledger:
        settle_all(ledger, [row(1)], "refused")
    with journal.refused.open("ab") as file:
        file.write(b"what was written before the kill, and not yet noted\n")
    with closing(RowProgress(journal, journal.read())) as ledger:
        settle_all(ledger, [row(2)], "refused")
    lines = journal.refused.read_text().splitlines()
    assert [json.loads(line)["row"] for line in lines] == [1, 2]


def test_a_journal_that_cannot_be_read_says_the_beginning(tmp_path: Path) -> None:
    journal = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    journal._path.write_text('{"rows": 10')
    assert journal.read() == Checkpoint()


def test_two_processes_do_not_load_the_same_file(tmp_path: Path) -> None:
    journal = CheckpointFile(tmp_path, path="p.jsonl", url="http://x")
    with journal.held(), pytest.raises(AlreadyRunning), journal.held():
        pass
    other = CheckpointFile(tmp_path, path="p.jsonl", url="http://another")
    with journal.held(), other.held():
        pass
