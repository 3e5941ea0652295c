"""The stories of simulated publishers mention what the model finds in them."""

import pytest

from ingest.samples.stories import NAMES, stories
from tests.support.verdict import mentions


@pytest.mark.parametrize("language", NAMES)
def test_the_model_finds_the_known_mentions_of_each_story(language: str) -> None:
    all_stories = list(stories(language))
    assert len(all_stories) >= 30
    assert [story.text for story in all_stories if mentions(story.text) != story.mentions] == []
