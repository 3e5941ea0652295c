"""The sentence that mentions an entity."""

import pytest

from ingest.analytics.snippets import SIDE_CHARACTERS, Snippet, find_snippet
from ingest.core.aliases import Replacement, Rules
from ingest.core.entity_names import entity_id
from tests.support.factories import entity, with_entities


def snippet(content: str, form: str) -> Snippet | None:
    post = with_entities("1", [entity(form)]).model_copy(update={"content": content})
    return find_snippet(post, entity_id("PERSON", entity(form).key))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Obama won.", ("", "Obama", " won.")),
        ("It rained. Then Obama won! He smiled.", ("Then ", "Obama", " won!")),
        ("“It rained.” Obama won", ("", "Obama", " won")),
        ("Headline\n\nObama won", ("", "Obama", " won")),
        ("Obamacare passed. So Obama won.", ("So ", "Obama", " won.")),
    ],
)
def test_the_first_sentence_that_mentions_it_is_cut_at_the_mention(
    content: str, expected: tuple[str, str, str]
) -> None:
    assert snippet(content, "Obama") == expected


def test_a_form_is_found_over_a_line_break() -> None:
    assert snippet("Then Angela\n  Merkel won.", "Angela Merkel") == (
        "Then ",
        "Angela Merkel",
        " won.",
    )


@pytest.mark.parametrize("form", ["C++", "(x)", "a|b", "日本"])
def test_any_form_is_found(form: str) -> None:
    found = snippet(f"So {form} it is.", form)
    assert found
    assert found.mention == form


def test_html_is_read_as_a_reader_sees_it() -> None:
    found = snippet("<p>It rained.</p><p>Then <b>Obama</b> won.</p>", "Obama")
    assert found == ("Then ", "Obama", " won.")


@pytest.mark.parametrize(
    ("content", "before", "after"),
    [
        ("Then Angela\u00a0Merkel won.", "Then ", " won."),
        ("Then Ange\u00adla Mer\u200dkel won.", "Then ", " won."),
        ("(CNN)Angela Merkel won.", "(CNN) ", " won."),
        ("Then Angela Merkel[1][2] won.", "Then ", " won."),
        ("Then [[Angela Merkel]] won.", "Then ", " won."),
        (r"It rained.\n\nAngela Merkel won.", "", " won."),
        ("BERLIN (Reuters) - Angela Merkel won.", "Berlin (Reuters) -\n", " won."),
        (
            "Then at noon the chancellor thanked Angela\nMerkel",
            "Then at noon the chancellor thanked ",
            "",
        ),
    ],
)
def test_a_form_is_found_however_it_was_written(content: str, before: str, after: str) -> None:
    assert snippet(content, "Angela Merkel") == (before, "Angela Merkel", after)


def test_a_form_of_a_dateline_that_was_saved_in_capitals_is_found() -> None:
    assert snippet("OSLO (Reuters) - It rained.", "OSLO") == (
        "",
        "Oslo",
        " (Reuters) -\nIt rained.",
    )


def test_a_long_sentence_is_left_out_on_both_sides() -> None:
    found = snippet("word " * 500 + "Obama" + " word" * 500, "Obama")
    assert found
    assert found.before.startswith("… ")
    assert found.after.endswith(" …")
    assert max(len(found.before), len(found.after)) <= SIDE_CHARACTERS + 2


def test_content_that_was_not_kept_has_no_sentence() -> None:
    assert snippet("", "Obama") is None


def test_a_sentence_with_another_name_that_counts_as_it_is_found() -> None:
    rules = Rules(1, {("PERSON", "odin"): Replacement("Wodan")})
    post = with_entities("1", [entity("Odin"), entity("Frigg")])
    post = rules.apply(post.model_copy(update={"content": "Frigg sat. Odin won."}))
    id_ = entity_id("PERSON", "wodan")
    assert find_snippet(post, id_, rules) == ("", "Odin", " won.")
    assert find_snippet(post, id_) is None
