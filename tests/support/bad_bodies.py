"""Bodies that are no posts, and the exact answer to each."""

import base64
import gzip
import json
from dataclasses import dataclass, field
from typing import Any

from ingest.api.request_body import JSON
from ingestsite.configuration import MAX_BODY_BYTES

POST: dict[str, Any] = {"content": "Obama went to Oslo.", "publication": "The Gazette"}

# The page token after an entity with more mentions than the store can count.
CURSOR = base64.urlsafe_b64encode(json.dumps([10**30, "0" * 32]).encode()).decode()

MISSING = "Field required"
EXTRA = "Extra inputs are not permitted"
NO_TEXT = "Input should be a valid string"
EMPTY = "String should have at least 1 character"
INVISIBLE = "has no visible character"
NUL = "holds a NUL character"
NO_TIME = "is not a date and time in ISO 8601, with its offset"
NO_OFFSET = "Input should have timezone info"
NO_DATE = "Input should be a valid datetime or date"
NO_MONTH = "month value is outside expected range of 1-12"
NO_POST = "Input should be a valid dictionary or instance of Post"
NO_DAY_IN_UTC = "is before year 1 or after year 9999 in UTC"
NO_WEB_ADDRESS = "does not begin with http:// or https:// and a host"
NO_UNICODE = "Input should be a valid string, unable to parse raw data as a unicode string"
MEDIA = "Send application/json or application/x-ndjson in UTF-8."
NO_NUMBER = "The body is not valid JSON. It has a number that is not allowed or too long."
NO_UTF8 = "The body is not UTF-8."
TOO_DEEP = "The body is nested too deeply."
NOT_PACKED = "The Content-Encoding must be gzip, not"
NO_GZIP = "The body ends too early, arrives too slowly, or is not valid chunks or gzip."
TOO_LARGE = f"The body is larger than {MAX_BODY_BYTES} bytes."
NOTHING = "Nothing was accepted."


@dataclass(frozen=True)
class Bad:
    """A body, and its answer: the status, the detail, and the errors by JSON pointer."""

    name: str
    body: bytes
    status: int
    detail: str = NOTHING
    errors: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    encoding: str | None = None


def lacking(name: str) -> dict[str, Any]:
    return {key: value for key, value in POST.items() if key != name}


def too_long(limit: int) -> str:
    return f"String should have at most {limit} characters"


def no_post(name: str, value: Any, errors: dict[str, str]) -> Bad:
    """Return JSON that is no post, or no list with any."""
    return Bad(name, json.dumps(value).encode(), 422, errors=errors)


def bad_field(name: str, key: str, value: Any, why: str) -> Bad:
    return no_post(name, {**POST, key: value}, {f"/{key}": why})


def bad_body(name: str, body: bytes, status: int, detail: str, **more: Any) -> Bad:
    return Bad(name, body, status, detail, **more)


def no_json(name: str, body: bytes, *, column: int, line: int = 1) -> Bad:
    where = f"line {line}, column {column}"
    return bad_body(name, body, 400, f"The body is not valid JSON at {where}.")


GOOD = json.dumps(POST).encode()
PACKED = gzip.compress(GOOD, mtime=0)
BROKEN = PACKED[:20] + b"\xff" + PACKED[21:]

BAD = [
    # Not JSON.
    bad_body("nothing at all", b"", 415, MEDIA, content_type=""),
    no_json("a space", b" ", column=2),
    no_json("a brace", b"{", column=2),
    no_json("a bracket", b"[", column=2),
    no_json("a word", b"post", column=1),
    no_json("a post cut off", GOOD[:-5], column=51),
    no_json("two posts", GOOD + GOOD, column=65),
    no_json("a colon too few", b'{"content" "x"}', column=12),
    no_json("single quotes", b"{'content': 'x'}", column=2),
    no_json("a comment", b"{} // post", column=4),
    bad_body("NaN", b'{"content": NaN}', 400, NO_NUMBER),
    bad_body("Infinity", b"[Infinity]", 400, NO_NUMBER),
    bad_body("-Infinity", b"-Infinity", 400, NO_NUMBER),
    no_json("a raw line break in a text", b'{"content": "a\nb"}', column=15),
    no_json("a raw NUL", b'{"content": "a\x00b"}', column=15),
    no_json("half an escape", b'{"content": "\\u00"}', column=15),
    no_json("an escape that there is not", b'{"content": "\\x41"}', column=14),
    bad_body("a number of 5,000 digits", b"1" * 5000, 400, NO_NUMBER),
    no_json("XML", b"<post/>", column=1),
    bad_body("Latin-1", '{"content": "é"}'.encode("latin-1"), 400, NO_UTF8),
    bad_body("UTF-16", json.dumps(POST).encode("utf-16"), 400, NO_UTF8),
    bad_body("half a character", b'{"content": "\xc3"}', 400, NO_UTF8),
    bad_body("an encoded surrogate", b'{"content": "\xed\xa0\x80"}', 400, NO_UTF8),
    bad_body("too deep", b"[" * 100_000, 400, TOO_DEEP),
    # Python 3.14 reads 50,000 levels.
    bad_body("too deep in a field", b'{"content":' * 200_000, 400, TOO_DEEP),
    # Not what it says it is.
    bad_body("a form", b"content=x", 415, MEDIA, content_type="application/x-www-form-urlencoded"),
    bad_body("text", GOOD, 415, MEDIA, content_type="text/plain"),
    bad_body("no type", GOOD, 415, MEDIA, content_type=""),
    bad_body("not a type", GOOD, 415, MEDIA, content_type="json"),
    bad_body("another charset", GOOD, 415, MEDIA, content_type=f"{JSON}; charset=latin-1"),
    bad_body("a multipart form", GOOD, 415, MEDIA, content_type="multipart/form-data; boundary=x"),
    bad_body("brotli", GOOD, 415, f"{NOT_PACKED} 'br'.", encoding="br"),
    bad_body("packed twice", PACKED, 415, f"{NOT_PACKED} 'gzip, gzip'.", encoding="gzip, gzip"),
    bad_body("not packed", GOOD, 400, NO_GZIP, encoding="gzip"),
    bad_body("packed and cut off", PACKED[:-9], 400, NO_GZIP, encoding="gzip"),
    bad_body("packed and broken", BROKEN, 400, NO_GZIP, encoding="gzip"),
    # Too large.
    bad_body("a byte too many", b" " * (MAX_BODY_BYTES + 1), 413, TOO_LARGE),
    bad_body(
        "too much when it is unpacked",
        gzip.compress(b" " * (MAX_BODY_BYTES + 1), mtime=0),
        413,
        TOO_LARGE,
        encoding="gzip",
    ),
    bad_body(
        "a post too many", b"[" + b"1," * 1000 + b"1]", 413, "A list may have at most 1000 posts."
    ),
    # JSON, but neither a post nor a list.
    no_post("null", None, {"": NO_POST}),
    no_post("true", True, {"": NO_POST}),
    no_post("a number", 7, {"": NO_POST}),
    no_post("a text", "post", {"": NO_POST}),
    Bad("an empty list", b"[]", 422, "The list is empty."),
    no_post("a list of nothing", [None, []], {"/0": NO_POST, "/1": NO_POST}),
    no_post("an empty object", {}, {"/content": MISSING, "/publication": MISSING}),
    # A field is wrong.
    no_post("no content", lacking("content"), {"/content": MISSING}),
    no_post("no publication", lacking("publication"), {"/publication": MISSING}),
    bad_field("a field too many", "surprise", 1, EXTRA),
    no_post("a slash and a tilde in a name", {**POST, "a/b~c": 1}, {"/a~1b~0c": EXTRA}),
    no_post("a surrogate in a name", {**POST, "\ud800": 1}, {"": NO_UNICODE}),
    no_post("a very long name", {**POST, "x" * 10_000: 1}, {f"/{'x' * 100}": EXTRA}),
    bad_field("empty content", "content", "", EMPTY),
    bad_field("blank content", "content", " \n\t ", EMPTY),
    bad_field("invisible content", "content", "\u200b", INVISIBLE),
    bad_field("content with NUL", "content", "a\0b", NUL),
    bad_field("content with a surrogate", "content", "\ud800", NO_UNICODE),
    bad_field("content too long", "content", "x" * 100_001, too_long(100_000)),
    bad_field("content that is a number", "content", 7, NO_TEXT),
    bad_field("content that is a list", "content", ["x"], NO_TEXT),
    bad_field("content that is null", "content", None, NO_TEXT),
    bad_field("an empty publication", "publication", "", EMPTY),
    bad_field("a publication too long", "publication", "x" * 201, too_long(200)),
    bad_field("a publication that is an object", "publication", {}, NO_TEXT),
    bad_field("an id that is a number", "id", 7, NO_TEXT),
    bad_field("an id too long", "id", "x" * 201, too_long(200)),
    bad_field("a url too long", "url", "x" * 2001, too_long(2000)),
    bad_field("a title that is true", "title", True, NO_TEXT),
    bad_field("a time that is a number", "published_at", 12, NO_TIME),
    bad_field("a time without an offset", "published_at", "2026-05-01T10:00:00", NO_OFFSET),
    bad_field("a day", "published_at", "yesterday", f"{NO_DATE}, input is too short"),
    bad_field("a 13th month", "published_at", "2026-13-01T10:00:00Z", f"{NO_DATE}, {NO_MONTH}"),
    bad_field("a year alone", "published_at", "2015", NO_TIME),
    bad_field("a day in digits", "published_at", "20191231", NO_TIME),
    bad_field("a zero", "published_at", "0", NO_TIME),
    bad_field("seconds with a fraction", "published_at", "-1.5", NO_TIME),
    bad_field("before year 1", "published_at", "0001-01-01T00:00:00+14:00", NO_DAY_IN_UTC),
    bad_field("after year 9999", "published_at", "9999-12-31T23:59:59-01:00", NO_DAY_IN_UTC),
    bad_field("a url that runs", "url", "javascript:alert(1)", NO_WEB_ADDRESS),
    bad_field("a url that runs later", "url", "java\nscript:alert(1)", NO_WEB_ADDRESS),
    bad_field("a url of data", "url", "data:text/html,<b>", NO_WEB_ADDRESS),
    bad_field("a url of another scheme", "url", "ftp://example.org/a", NO_WEB_ADDRESS),
    bad_field("a url without a scheme", "url", "//example.org/a", NO_WEB_ADDRESS),
    bad_field("a url without a host", "url", "http:///a", NO_WEB_ADDRESS),
    bad_field("a url with half a host", "url", "http://[::1", NO_WEB_ADDRESS),
    bad_field("a language that is a number", "language", 7, NO_TEXT),
]
