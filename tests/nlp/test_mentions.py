"""Turning the mentions in one post into its entities."""

from ingest.core.messages import Entity
from ingest.nlp.evidence import Mention
from ingest.nlp.mentions import entities_of

LABELS = ("PERSON", "GPE", "LOC", "ORG")


def found(*ents: tuple[str, str]) -> list[Entity]:
    return sorted(entities_of((Mention(*ent) for ent in ents), labels=LABELS))


def test_ways_of_writing_a_name_share_a_key_and_keep_their_forms() -> None:
    assert found(("GPE", "U.S."), ("GPE", "the US"), ("GPE", "US")) == [
        Entity("us", "GPE", "U.S.", 1),
        Entity("us", "GPE", "US", 2),
    ]


def test_labels_that_are_not_chosen_and_junk_are_left_out() -> None:
    assert found(("DATE", "Tuesday"), ("ORG", "http://oslo.no"), ("GPE", " ")) == []


def test_a_key_has_one_label_throughout_a_post() -> None:
    assert found(("PERSON", "Sydney"), ("GPE", "Sydney"), ("LOC", "Sydney")) == [
        Entity("sydney", "GPE", "Sydney", 3)
    ]


def test_a_lone_surname_is_the_one_longer_person_that_ends_with_it() -> None:
    ents = (("PERSON", n) for n in ("John Howard", "Howard", "Mr Howard's", "Tim Howards"))
    assert found(*ents) == [
        Entity("john howard", "PERSON", "John Howard", 3),
        Entity("tim howards", "PERSON", "Tim Howards", 1),
    ]


def test_a_surname_of_two_people_in_a_post_stays_by_itself() -> None:
    names = ("George Bush", "Laura Bush", "Bush")
    assert [e.key for e in found(*(("PERSON", n) for n in names))] == [
        "bush",
        "george bush",
        "laura bush",
    ]


def test_a_surname_of_several_words_has_one_full_name_too() -> None:
    names = ("Osama bin Laden", "bin Laden", "Laden")
    assert found(*(("PERSON", n) for n in names)) == [
        Entity("osama bin laden", "PERSON", "Osama bin Laden", 3)
    ]


def test_a_surname_is_a_person_s_only() -> None:
    assert len(found(("PERSON", "Alice Springs"), ("GPE", "Springs"))) == 2


def test_a_lone_first_name_is_the_one_person_of_the_post_who_has_it() -> None:
    names = (("PERSON", name) for name in ("Daniel Orvel", "Daniel", "Orvel", "Anna Dar", "Anna"))
    assert [(e.key, e.mentions) for e in found(*names)] == [("anna dar", 2), ("daniel orvel", 3)]
    two = (("PERSON", name) for name in ("Daniel Orvel", "Daniel Dar", "Daniel"))
    assert len(found(*two)) == 3


def test_of_two_people_with_a_name_the_one_mentioned_far_more_often_is_meant() -> None:
    names = ["Anna Orvel", "Bert Orvel", "Orvel"]
    assert len(found(*(("PERSON", name) for name in [*names, "Anna Orvel"]))) == 3
    counted = found(*(("PERSON", name) for name in [*names, "Anna Orvel", "Anna Orvel"]))
    assert [(e.key, e.mentions) for e in counted] == [("anna orvel", 4), ("bert orvel", 1)]


def test_a_person_spelled_in_two_ways_counts_once() -> None:
    names = ["Kristen Orvel", "Kristin Orvel", "Kristen Orvel", "Orvel", "Mr Phillip Dar"]
    counted = found(*(("PERSON", name) for name in [*names, "Philip Dar"]))
    assert [(e.key, e.mentions) for e in counted] == [("kristen orvel", 4), ("philip dar", 2)]


def test_people_with_short_or_other_first_names_stay_apart() -> None:
    names = ["Dan Orvel", "Don Orvel", "Martin Dar", "Martina Dar", "Kristen Fay", "Kristin Ulm"]
    assert len(found(*(("PERSON", name) for name in names))) == len(names)


def test_what_only_describes_is_no_name() -> None:
    assert found(("GPE", "pro-Beijing"), ("ORG", "democrat"), ("ORG", "eBay"), ("GPE", "Oslo")) == [
        Entity("ebay", "ORG", "eBay", 1),
        Entity("oslo", "GPE", "Oslo", 1),
    ]


def test_a_surname_counts_under_the_most_frequent_form_of_its_full_name() -> None:
    names = ("JOHN HOWARD", "John Howard", "John Howard", "Howard")
    assert found(*(("PERSON", n) for n in names)) == [
        Entity("john howard", "PERSON", "JOHN HOWARD", 1),
        Entity("john howard", "PERSON", "John Howard", 3),
    ]


def test_the_order_of_mentions_decides_nothing() -> None:
    ents = [("PERSON", "Paris"), ("GPE", "Paris"), ("PERSON", "Ann Lee"), ("PERSON", "Lee")]
    assert found(*ents) == found(*reversed(ents))


def test_a_surname_of_thousands_of_people_takes_no_time() -> None:
    """With a search among all of them, this test would take minutes."""
    names = [f"N{number:x} Smith" for number in range(20_000)]
    assert len(found(*(("PERSON", name) for name in [*names, "Smith"]))) == 20_001
