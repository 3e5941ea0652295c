"""Simulated publishers: they send bursts, singles, repetitions, edits and bad posts."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.core.counts import EntityName
from ingest.core.posts import MAX_CONTENT_CHARACTERS, publication_key
from ingest.samples.stories import NAMES, Story, stories

REPEATED_PERCENT, EDITED_PERCENT, BAD_PERCENT = 8, 6, 5

BAD_POSTS: Sequence[dict[str, Any]] = (
    {"content": None},
    {"content": " \u200b\n"},
    {"content": "x" * (MAX_CONTENT_CHARACTERS + 1)},
    {"author": "Somebody"},
    {"published_at": "yesterday"},
    {"published_at": "20260504"},
    {"url": "javascript:alert(1)"},
)


@dataclass(frozen=True)
class Habit:
    """How many posts a publisher sends in one request."""

    min_posts: int
    max_posts: int
    name: str


HABITS = (
    Habit(30, 90, "Wire"),
    Habit(1, 1, "Blog"),
    Habit(1, 12, "Daily"),
    Habit(5, 40, "Weekly"),
    Habit(1, 3, "Radio"),
)


@dataclass
class Publisher:
    """
    One publisher, and the counts that its posts must have.

    Args:
        mark: part of its name, so that each run has its own publications.
        sent: posts by kind.
        expected: the story that counts for each post.
    """

    language: str
    habit: Habit
    mark: str
    dice: random.Random
    sent: Counter[str] = field(default_factory=Counter)
    expected: dict[tuple[str, str], Story] = field(default_factory=dict)
    _posts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the publication."""
        return f"{self.habit.name} {self.language} {self.mark}"

    def requests(self) -> Iterator[list[dict[str, Any]]]:
        """Yield lists of posts without end; the API must accept all but the bad ones."""
        known = list(stories(self.language))
        while True:
            count = self.dice.randint(self.habit.min_posts, self.habit.max_posts)
            yield [self._post(self.dice.choice(known)) for _ in range(count)]

    def _post(self, story: Story) -> dict[str, Any]:
        roll = self.dice.randrange(100)
        if roll < BAD_PERCENT:
            return self._bad(story)
        if self._posts and roll < BAD_PERCENT + REPEATED_PERCENT:
            self.sent["repeated"] += 1
            return self._send(self.dice.choice(self._posts))
        with_id = [post for post in self._posts[-500:] if "id" in post]
        if with_id and roll < BAD_PERCENT + REPEATED_PERCENT + EDITED_PERCENT:
            self.sent["edited"] += 1
            return self._new(self.dice.choice(with_id)["id"], story)
        own = None if roll % 4 == 0 else f"{self.language}-{len(self._posts)}"
        return self._new(own, story)

    def _bad(self, story: Story) -> dict[str, Any]:
        self.sent["bad"] += 1
        wrong = self.dice.choice(BAD_POSTS)
        return {"publication": self.name, "content": story.text, **wrong}

    def _new(self, own: str | None, story: Story) -> dict[str, Any]:
        """Return a new post or an edit, whose story counts from now on."""
        self.sent["new"] += 1
        post: dict[str, Any] = {"publication": self.name, "content": story.text}
        if own is not None:
            post["id"] = own
        self._posts.append({**post, "story": story})
        return self._send(self._posts[-1])

    def _send(self, post: dict[str, Any]) -> dict[str, Any]:
        """Return a post to send, and note that its story counts from now on."""
        key = ("id", post["id"]) if "id" in post else ("content", post["content"])
        self.expected[key] = post["story"]
        return {name: value for name, value in post.items() if name != "story"}

    def mentions(self) -> Counter[tuple[str, str, str]]:
        """Return the expected mentions, by the publication's key and the entity's name."""
        counts: Counter[EntityName] = Counter()
        for story in self.expected.values():
            counts.update(story.mentions)
        key = publication_key(self.name)
        return Counter({(key, *name): times for name, times in counts.items()})


def publishers(mark: str, *, seed: int) -> list[Publisher]:
    """Return a publisher for each language, each with a habit of its own."""
    return [
        Publisher(language, habit, mark, random.Random(f"{seed} {language}"))
        for language, habit in zip(NAMES, HABITS, strict=True)
    ]
