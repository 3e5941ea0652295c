"""
A round over feeds: read those that are due, and post their new articles.

An article is remembered after the API has accepted it. If the follower dies in between, the same
article is posted again under the same id, and counts once.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ingest.client import ApiClient
from ingest.follow.articles import NoText, read_article
from ingest.follow.feeds import Entry, Feed, NotAFeed, read_feed
from ingest.follow.fetching import Fetcher, NotFetched, header, pause_seconds
from ingest.follow.memory import FeedState, Memory
from ingest.loader.sender import Backoff

MAX_TRIES = 5  # of an article whose page does not answer
MAX_THREADS = 8  # feeds that are read at the same time


class Follower:
    """
    Follows feeds.

    Args:
        publication: the name for all articles; else the title of each feed, or its host.
        every: seconds between two looks at a feed.
        say: takes a sentence about what could not be read.
    """

    def __init__(
        self,
        client: ApiClient,
        memory: Memory,
        fetcher: Fetcher,
        backoff: Backoff,
        *,
        publication: str | None,
        every: float,
        say: Callable[[str], None],
    ) -> None:
        self._client = client
        self._memory = memory
        self._fetcher = fetcher
        self._backoff = backoff
        self._publication = publication
        self._every = every
        self._say = say

    def round(self, feeds: Sequence[str]) -> Counter[str]:
        """Read every feed that is due, several at once, and return what became of articles."""
        with ThreadPoolExecutor(MAX_THREADS) as threads:
            return sum(threads.map(self._follow, feeds), Counter())

    def _follow(self, url: str) -> Counter[str]:
        state = self._memory.feed(url)
        if state.gone or state.next_at > self._memory.clock():
            return Counter()
        try:
            feed = self._read(state)
        except (NotFetched, NotAFeed) as error:
            self._note_failure(state, error)
            return Counter(feeds_failed=1)
        done: Counter[str] = Counter()
        if feed:
            name = self._publication or feed.title or str(urlsplit(url).hostname)
            for entry in feed.entries:
                if self._backoff.stopping.is_set():
                    return done  # the feed is read again after a restart
                due_at = self._memory.due_at(entry.url, most_tries=MAX_TRIES)
                if due_at is not None and due_at <= self._memory.clock():
                    done[self._post(entry, name)] += 1
            if any(self._memory.due_at(e.url, most_tries=MAX_TRIES) for e in feed.entries):
                state.etag = state.modified = None  # only a whole feed names the article again
            for further in feed.feeds:
                done += self._follow(further)
        state.failures, state.next_at = 0, self._memory.clock() + self._every
        self._memory.save(state)
        return done

    def _read(self, state: FeedState) -> Feed | None:
        """Read a feed, or return None if it has not changed."""
        known = {"If-None-Match": state.etag, "If-Modified-Since": state.modified}
        answer = self._fetcher.get(state.address, {n: v for n, v in known.items() if v})
        if answer.moved_to and answer.moved_to != state.address:
            self._say(f"{state.address} has moved to {answer.moved_to}")
            state.address = answer.moved_to
        if answer.body is None:
            return None
        feed = read_feed(answer.body, answer.url)
        state.etag, state.modified = header(answer, "ETag"), header(answer, "Last-Modified")
        return feed

    def _note_failure(self, state: FeedState, error: NotFetched | NotAFeed) -> None:
        if isinstance(error, NotAFeed):
            error = NotFetched(str(error))
        state.gone = "410" in str(error)
        state.next_at = self._memory.clock() + pause_seconds(state.failures, error)
        state.failures += 1
        self._memory.save(state)
        again = "it is not read again" if state.gone else "it is tried again later"
        self._say(f"{state.address}: {error}, {again}")

    def _post(self, entry: Entry, publication: str) -> str:
        """Post an article, and return what became of it."""
        state, why, next_at = "posted", "", 0.0
        try:
            post = read_article(self._fetcher.get(entry.url).body or b"", entry, publication)
            why = self._submit(post)
            state = "refused" if why else state
        except NoText as error:
            state, why = "unreadable", str(error)
        except NotFetched as error:
            tries = self._memory.tries(entry.url)
            state, why = ("unreadable" if error.for_good else "failed"), str(error)
            next_at = self._memory.clock() + pause_seconds(tries, error)
        self._memory.note(entry.url, state, why, next_at=next_at)
        if why:
            self._say(f"{entry.url}: {why}")
        return state

    def _submit(self, post: dict[str, Any]) -> str:
        """Submit a post, and wait while the server is away; return why it was refused, or ""."""
        (result,) = self._backoff.ask(lambda: self._client.submit([post]), say=self._say)
        if result["status"] != "refused":
            return ""
        return ", ".join(f"{error['pointer']} {error['detail']}" for error in result["errors"])
