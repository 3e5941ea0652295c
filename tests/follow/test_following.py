"""Following feeds as they are in the wild, from a server of the test's own."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from ingest.client import ApiClient
from ingest.follow.fetching import Fetcher
from ingest.follow.following import MAX_TRIES, Follower
from ingest.follow.memory import Memory
from ingest.loader.sender import Backoff
from ingest.models import ApiKey
from tests.support.clients import queued

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_broker", "forgotten_keys"),
]

HOUR = 3600
TEXT = "Angela Merkel met Barack Obama in Berlin, and both spoke of trade with Asia. "

RSS = """<?xml version="1.0" encoding="iso-8859-1"?>
<rss version="2.0"><channel><title>The Gaz\xe9tte</title><language>en</language>
<item><title><![CDATA[Merkel & Obama <b>met</b>]]></title><link>/news/1?utm_source=rss</link>
  <pubDate>Mon, 04 May 2026 12:00:00 +0200</pubDate></item>
<item><title>Again</title><link>http://HOST/news/1#top</link></item>
<item><title>Bad date</title><link>/news/2</link><pubDate>yesterday, 25:99</pubDate></item>
<item><title>Not for robots</title><link>/private/3</link></item>
<item><title>No text</title><link>/empty</link></item>
<item><title>No link</title></item>
</channel></rss>""".encode("iso-8859-1")

ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>The Herald</title>
<entry><title>Busy</title><link href="/busy"/><updated>2026-05-05T10:00:00Z</updated></entry>
</feed>"""

SITEMAP = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><!-- news -->
<url><loc>http://HOST/news/4</loc><lastmod>2026-05-06</lastmod></url><url><lastmod>x</lastmod></url></urlset>"""

INDEX = b"<sitemapindex><sitemap><loc>/map.xml</loc></sitemap></sitemapindex>"


class Site:
    """A publication's server: its answers by path, and the requests it got."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.busy = 1  # how often /busy says 429
        self.open = self.most_open = 0
        site, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with lock:
                    site.open += 1
                    site.most_open = max(site.most_open, site.open)
                    site.asked.append(self.path)
                status, headers, body = site.answer(self.path, self.headers.get("If-None-Match"))
                with lock:
                    site.open -= 1
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def answer(self, path: str, etag: str | None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of a path."""
        feeds = {"/rss": RSS, "/atom": ATOM, "/index.xml": INDEX, "/map.xml": SITEMAP}
        if path in feeds:
            if etag == '"1"':
                return 304, {}, b""
            return 200, {"ETag": '"1"'}, feeds[path].replace(b"HOST", self.host.encode())
        if path == "/robots.txt":
            return 200, {}, b"User-agent: *\nDisallow: /private/"
        if path == "/old":
            return 301, {"Location": "/atom"}, b""
        if path == "/gone":
            return 410, {}, b""
        if path == "/busy" and self.busy:
            self.busy -= 1
            return 429, {"Retry-After": "120"}, b""
        text = "" if path == "/empty" else f"<h1>{path}</h1><p>{TEXT}</p><p>{TEXT * 3}</p>"
        return 200, {}, f"<html><body><article>{text}</article></body></html>".encode()


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a publication's server."""
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def follow(live_server: LiveServer, tmp_path: Path) -> Callable[..., Counter[str]]:
    """Return a function that starts a follower anew, at an hour of a simulated day."""
    _, key = ApiKey.create("follow", scopes=["submit"])
    said: list[str] = []

    def start(*feeds: str, hour: float = 0, dies_after: int | None = None) -> Counter[str]:
        backoff = Backoff(timeout_seconds=30)
        memory = Memory(tmp_path / "follow.sqlite3", clock=lambda: 1e9 + hour * HOUR)
        client = ApiClient(live_server.url, key)
        if dies_after is not None:
            submit, sent = client.submit, []

            def submit_and_die(posts: object) -> object:
                sent.append(submit(posts))  # type: ignore[arg-type]
                if len(sent) > dies_after:
                    raise SystemExit("killed between the answer and the memory")
                return sent[-1]

            client.submit = submit_and_die  # type: ignore[method-assign, assignment]
        follower = Follower(
            client,
            memory,
            Fetcher(wait=lambda _: None, host_seconds=0),
            backoff,
            publication=None,
            every=HOUR,
            say=said.append,
        )
        try:
            return follower.round(feeds)
        finally:
            memory.close()

    start.said = said  # type: ignore[attr-defined]
    return start


def posts() -> dict[str, dict[str, object]]:
    """Return the posts on the queue by their own id, each of which came once or more often."""
    return {post["own_id"].rpartition("/")[2]: post for post in queued()}


def test_a_feed_is_followed_for_a_day_with_a_death_in_the_middle(
    site: Site, follow: Callable[..., Counter[str]]
) -> None:
    feeds = [site.url("/rss"), site.url("/atom"), site.url("/index.xml")]
    with pytest.raises(SystemExit):
        follow(feeds[0], dies_after=0)
    for hour in range(24):
        follow(*feeds, hour=hour)
    assert sorted(posts()) == ["1", "2", "4", "busy"]
    # The post whose answer was not remembered came twice under one id, so it counts once.
    assert Counter(post["own_id"].rpartition("/")[2] for post in queued()) == {
        "1": 2,
        "2": 1,
        "4": 1,
        "busy": 1,
    }
    assert site.asked.count("/news/2") == 1, "an article is read once"
    assert "/private/3" not in site.asked
    assert site.most_open == 1, "a host got two requests at once"


def test_an_article_travels_with_title_date_language_and_text(
    site: Site, follow: Callable[..., Counter[str]]
) -> None:
    assert follow(site.url("/rss")) == {"posted": 2, "unreadable": 2}
    first, second = posts()["1"], posts()["2"]
    assert first["url"] == site.url("/news/1")
    assert first["publication"] == "The Gaz\xe9tte"
    assert (first["title"], first["language"]) == ("Merkel & Obama <b>met</b>", "en")
    assert first["published_at"] == "2026-05-04T10:00:00Z"
    assert "published_at" not in second
    assert "Angela Merkel met Barack Obama" in str(first["content"])
    said = "\n".join(follow.said)  # type: ignore[attr-defined]
    assert "robots.txt forbids it" in said
    assert "no text of an article" in said


def test_an_unchanged_feed_a_moved_one_and_one_that_is_gone(
    site: Site, follow: Callable[..., Counter[str]]
) -> None:
    feeds = [site.url("/rss"), site.url("/old"), site.url("/gone")]
    follow(*feeds)
    read = len(site.asked)
    follow(*feeds, hour=2)
    assert site.asked[read:].count("/rss") == 1
    assert "/old" not in site.asked[read:], "a feed that has moved is asked at its new address"
    assert "/gone" not in site.asked[read:]
    assert site.asked[read:].count("/news/1") == 0
    said = "\n".join(follow.said)  # type: ignore[attr-defined]
    assert "has moved to" in said
    assert "it is not read again" in said


def test_a_busy_host_is_left_alone_as_long_as_it_says_and_given_up_at_last(
    site: Site, follow: Callable[..., Counter[str]]
) -> None:
    site.busy = 100
    assert follow(site.url("/atom")) == {"failed": 1}
    follow(site.url("/atom"), hour=0.02)
    assert site.asked.count("/busy") == 1
    for hour in range(1, 30):
        follow(site.url("/atom"), hour=hour)
    assert 1 < site.asked.count("/busy") <= MAX_TRIES
    assert queued() == []
