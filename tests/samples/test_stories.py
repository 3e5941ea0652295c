"""The stories publishers are simulated with: what is known of them is what the model finds."""

import pytest

from ingest.samples.stories import NAMES, stories
from tests.support.verdict import mentions


@pytest.mark.parametrize("language", NAMES)
def test_the_model_finds_what_is_known_of_each_story(language: str) -> None:
    told = list(stories(language))
    assert len(told) >= 30
    assert [story.text for story in told if mentions(story.text) != story.mentions] == []
