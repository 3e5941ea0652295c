"""A receipt proves when a post was accepted, and cannot be forged."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingest.api import receipts

IDS = some.text("0123456789abcdef", min_size=32, max_size=32)
TIMES = some.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=some.just(UTC))


@given(IDS, TIMES)
def test_a_receipt_is_read_as_the_time_it_was_written_for(post_id: str, time: datetime) -> None:
    assert receipts.read(post_id, receipts.write(post_id, time)) == time


@given(IDS, IDS, TIMES)
def test_a_receipt_is_for_one_post(post_id: str, other: str, time: datetime) -> None:
    if post_id != other:
        with pytest.raises(receipts.InvalidReceipt):
            receipts.read(other, receipts.write(post_id, time))


@given(IDS, some.text())
def test_any_other_text_is_no_receipt(post_id: str, text: str) -> None:
    with pytest.raises(receipts.InvalidReceipt):
        receipts.read(post_id, text)
