"""Language tags in one form."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingest.core.language_tags import MAX_CHARACTERS, base_language, normalize_tag


@pytest.mark.parametrize(
    ("sent", "normal"),
    [
        ("en", "en"),
        ("EN", "en"),
        (" en ", "en"),
        ("en_US", "en-US"),
        ("en-us", "en-US"),
        ("en_US.UTF-8", "en-US"),
        ("zh_CN", "zh-CN"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("eng", "en"),
        ("deu", "de"),
        ("ger", "de"),
        ("iw", "he"),
        ("pt-BR", "pt-BR"),
        ("es-419", "es-419"),
    ],
)
def test_a_tag_has_one_form(sent: str, normal: str) -> None:
    assert normalize_tag(sent) == normalize_tag(normal) == normal


@pytest.mark.parametrize(
    "sent",
    [
        *("", " ", "und", "UND", "mul", "zxx", "mis", "qaa", "x-own", "zz", "xx", "C", "POSIX"),
        *("null", "English", "en us", "en,de", "en--us", "español", "\ud800", "en-x" + 20 * "-a"),
    ],
)
def test_a_tag_that_names_no_language_is_none(sent: str) -> None:
    assert normalize_tag(sent) is None


@given(some.text() | some.from_regex(r"\A[A-Za-z]{1,4}([-_][A-Za-z0-9]{1,8}){0,4}\Z"))
def test_any_text_becomes_a_short_tag_that_stays_the_same_or_none(text: str) -> None:
    tag = normalize_tag(text)
    assert tag is None or (normalize_tag(tag) == tag and base_language(tag) in tag.lower())
    assert tag is None or len(tag) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("pt-BR", "pt"),
        ("cmn", "zh"),
        ("zh-TW", "zh"),
        ("arb", "ar"),
        ("yue", "yue"),
        ("xx", "xx"),
        ("eng", "en"),
        ("en-what-is-this-posix", "en"),
    ],
)
def test_a_tag_has_a_base_language(tag: str, language: str) -> None:
    assert base_language(tag) == language


def test_a_post_without_a_language_loads_no_language_library() -> None:
    code = (
        "import sys; from ingest.core.posts import Post; Post(content='x', publication='p');"
        " sys.exit('langcodes' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
