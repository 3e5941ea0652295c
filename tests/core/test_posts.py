"""Which input is a post, and which posts are the same one."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from ingest.core.messages import AcceptedPost, PostEntities
from ingest.core.posts import Post, publication_id, publication_key
from ingest.core.validation import field_errors

GOOD = {"content": "A day in Oslo.", "publication": "Aftenbladet"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content": ""}, "content"),
        ({"content": " \n\t "}, "content"),
        ({"content": "\u200b\u200b"}, "content"),
        ({"content": "x" * 100_001}, "content"),
        ({"content": 7}, "content"),
        ({"content": None}, "content"),
        ({"content": ["text"]}, "content"),
        ({"content": "a\x00b"}, "content"),
        ({"content": "\ud800"}, "content"),
        ({"publication": ""}, "publication"),
        ({"publication": "  "}, "publication"),
        ({"publication": "x" * 201}, "publication"),
        ({"publication": 1}, "publication"),
        ({"id": ""}, "id"),
        ({"id": 12}, "id"),
        ({"title": "x" * 501}, "title"),
        ({"published_at": 1700000000}, "published_at"),
        ({"published_at": "yesterday"}, "published_at"),
        ({"published_at": "2026-01-01T00:00:00"}, "published_at"),
        ({"published_at": "2015"}, "published_at"),
        ({"published_at": "20191231"}, "published_at"),
        ({"published_at": "0"}, "published_at"),
        ({"published_at": "-1.5"}, "published_at"),
        ({"published_at": "2019-12-31"}, "published_at"),
        ({"published_at": "0001-01-01T00:00:00+14:00"}, "published_at"),
        ({"published_at": "9999-12-31T23:59:59-01:00"}, "published_at"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "java\nscript:alert(1)"}, "url"),
        ({"url": "data:text/html,x"}, "url"),
        ({"url": "ftp://example.org"}, "url"),
        ({"url": "//example.org"}, "url"),
        ({"url": "example.org/a"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "http://[::1"}, "url"),
        ({"language": 7}, "language"),
        ({"contents": "typo"}, "contents"),
    ],
)
def test_an_invalid_post_is_refused_with_the_field_s_name(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        Post.model_validate({**GOOD, **change})
    assert {fault["loc"][0] for fault in refusal.value.errors()} == {field}


@pytest.mark.parametrize("url", ["http://example.org", "HTTPS://é.fr/ü?a=b", "http://[::1]:80/a b"])
def test_a_web_address_stays_as_it_was_sent(url: str) -> None:
    assert Post.model_validate({**GOOD, "url": f" {url} "}).url == url


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00-14:00", "9999-12-31T23:59:59.999999999+01:00"]
)
def test_the_first_and_last_moments_of_the_calendar_have_a_day(text: str) -> None:
    post = Post.model_validate({**GOOD, "published_at": text})
    assert post.published_at
    message = AcceptedPost.from_post(post, accepted_at=post.published_at)
    saved = PostEntities(**dict(AcceptedPost.read(message.payload())), model="", entities=())
    assert saved.day.isoformat() == text[:10]


@pytest.mark.parametrize(
    ("sent", "language"),
    [("EN", "en"), ("en_US", "en-US"), ("zh_CN", "zh-CN"), ("eng", "en")]
    + [(text, None) for text in ("und", "", "English", "zz", "x" * 10_000, None)],
)
def test_a_language_is_normalized_and_never_refuses_a_post(
    sent: str | None, language: str | None
) -> None:
    assert Post.model_validate({**GOOD, "language": sent}).language == language


@pytest.mark.parametrize("missing", ["content", "publication"])
def test_both_fields_are_required(missing: str) -> None:
    with pytest.raises(ValidationError):
        Post.model_validate({name: text for name, text in GOOD.items() if name != missing})


@pytest.mark.parametrize("name", ["AC/DC", ".", "..", "__init__", "日本", "a\tb", '../<b>"é', "😀"])
def test_a_publication_may_have_any_name(name: str) -> None:
    assert Post.model_validate({**GOOD, "publication": name}).publication == name


def test_the_longest_content_is_a_post() -> None:
    assert Post.model_validate({**GOOD, "content": "x" * 100_000})


def test_the_same_content_in_a_publication_is_the_same_post() -> None:
    first = Post(content="News.", publication="The  Gazette")
    assert first.post_id == Post(content=" News. ", publication="the gazette").post_id
    assert first.post_id != Post(content="News.", publication="The Gazettes").post_id


def test_a_client_s_id_stands_for_the_post_within_its_publication() -> None:
    first = Post(content="News.", publication="P", id="1")
    assert first.post_id == Post(content="Other news.", publication="P", id="1").post_id
    assert first.post_id != Post(content="News.", publication="Q", id="1").post_id
    assert first.post_id != Post(content="1", publication="P").post_id


def test_parts_of_an_id_cannot_run_into_each_other() -> None:
    assert (
        Post(content="c", publication="ab").post_id != Post(content="bc", publication="a").post_id
    )


def test_a_publication_s_key_folds_case_spaces_and_accents_written_in_two_ways() -> None:
    assert publication_key(" Le\n Monde ") == "le monde"
    assert publication_key("Cafe\u0301") == publication_key("CAFÉ")


def test_ids_are_the_same_in_every_process() -> None:
    code = "from ingest.core.posts import publication_id; print(publication_id('The Gazette'))"
    ids = {
        subprocess.check_output(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, text=True
        )
        for seed in ("1", "2")
    }
    assert {id_.strip() for id_ in ids} == {publication_id("The Gazette")}


# Text that a post may have: valid JSON text with a visible character and without NUL.
TEXTS = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
VISIBLE = TEXTS.map(lambda text: text + "é")


@given(content=VISIBLE, publication=VISIBLE, id=some.none() | VISIBLE)
def test_any_visible_text_is_a_post_with_the_same_id_in_every_form(
    content: str, publication: str, id: str | None
) -> None:
    post = Post(content=content, publication=publication, id=id)
    again = Post.model_validate_json(post.model_dump_json())
    loud = Post(content=content, publication=f"  {publication}\n", id=id)
    assert post.post_id == again.post_id == loud.post_id
    assert len(bytes.fromhex(post.post_id)) == 16


@given(first=some.tuples(VISIBLE, VISIBLE), second=some.tuples(VISIBLE, VISIBLE))
def test_ids_are_the_same_only_for_the_same_post(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    one, other = (Post(content="x", publication=pub, id=own) for pub, own in (first, second))
    same = publication_key(one.publication) == publication_key(other.publication)
    assert (one.post_id == other.post_id) == (same and one.id == other.id)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=10,
)
FIELDS = some.sampled_from([*Post.model_fields, "surprise"])


@given(some.dictionaries(FIELDS, JSON) | JSON)
def test_any_json_is_a_post_or_says_which_field_is_wrong(value: object) -> None:
    try:
        post = Post.model_validate(value)
    except ValidationError as error:
        why = field_errors(error)
    else:
        why = []
        assert post.content.strip()
        assert post.publication.strip()
    assert all(fault.keys() == {"pointer", "detail"} for fault in why)
