"""How the dashboard formats the state."""

import pytest

from ingest.dashboard.state import format_seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (1e6, "11 d")],
)
def test_a_time_is_formatted_in_its_largest_unit(seconds: float | None, words: str) -> None:
    assert format_seconds(seconds) == words
