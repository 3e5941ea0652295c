"""Signs that writers and programs leave around names."""

import pytest

from ingest.nlp.markup import remove_markup, restore_blanks, separate_start, unescape_literals


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(CNN)Barack Obama", "(CNN) Barack Obama"),
        ("[Berlin]Barack Obama", "[Berlin] Barack Obama"),
        ("LONDON (Reuters)- Theresa", "LONDON (Reuters) - Theresa"),
        ("Obama(left) and Merkel(Germany)", "Obama (left) and Merkel (Germany)"),
        ('he said."Obama', 'he said." Obama'),
        ("file(s) f(x) a[0]", "file(s) f(x) a[0]"),
    ],
)
def test_a_lost_blank_comes_back(text: str, expected: str) -> None:
    assert restore_blanks(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Angela Merkel[1][2] met", "Angela Merkel met"),
        ("Merkel [3], Obama[a] and May[note 1][citation needed]", "Merkel, Obama and May"),
        ("Merkel[1]Obama[2-4, 7]", "Merkel Obama"),
        ("Merkel¹ met Obama²³ and May† on 5²", "Merkel met Obama and May on 5²"),
        ("[[Angela Merkel]] and [[Barack Obama|Obama]]", "Angela Merkel and Obama"),
        ("So [[File:a.jpg|thumb|A man]] Merkel {{cite web|url=x}} left", "So Merkel left"),
        ("[https://x.org/a Angela Merkel] left", "Angela Merkel left"),
        ('[Merkel](https://x.org/a "A title") and ![Obama](/b.jpg)', "Merkel and Obama"),
        (
            "**Angela Merkel**, *Obama*, __May__, _Xi_ and '''Lula'''",
            "Angela Merkel, Obama, May, Xi and Lula",
        ),
        ("[A]ngela Merkel", "Angela Merkel"),
        ("f**k 5*3 snake_case_name [sic] * item", "f**k 5*3 snake_case_name [sic] * item"),
    ],
)
def test_markup_leaves_the_names(text: str, expected: str) -> None:
    assert remove_markup(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"It rained.\n\nAngela Merkel", "It rained.\n\nAngela Merkel"),
        (r"tens of\nthousands", "tens of\nthousands"),
        (r"It rained.\\r\\nOslo", "It rained.\n\nOslo"),
        (r"Beyonc\u00e9\'s \"caf\xe9\"", 'Beyoncé\'s "café"'),
        (r"a\/b\tc", "a/b\tc"),
        (r"\ud83d\ude00 Oslo \ud83d", "\U0001f600 Oslo \ufffd"),
        (r"C:\new\reports", r"C:\new\reports"),
        (r"\\host\new\text", r"\\host\new\text"),
        (r"$\alpha\nu$", r"$\alpha\nu$"),
        (r"one \ two", r"one \ two"),
    ],
)
def test_a_literal_escape_is_the_sign_that_it_stands_for(text: str, expected: str) -> None:
    assert unescape_literals(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LONDON (Reuters) - Theresa May", "London (Reuters) -\nTheresa May"),
        ("NEW YORK, Nov 13 (AFP) \u2014 The", "New York, Nov 13 (AFP) -\nThe"),
        ("KABUL, Afghanistan (AP)--Hamid", "Kabul, Afghanistan (AP) -\nHamid"),
        ("PARIS/BERLIN (Reuters) _ Angela", "Paris/Berlin (Reuters) -\nAngela"),
        ("(CNN) -- Barack", "(CNN) -\nBarack"),
        ("BERLIN--Angela", "BERLIN -\nAngela"),
        ("NATO \u2013 The alliance", "NATO -\nThe alliance"),
        ("UNESCO, UNICEF \u2013 The two", "UNESCO, UNICEF -\nThe two"),
        ("USA (AP) - The", "USA (AP) -\nThe"),
        ("By Jane Roe LONDON (AP) - Theresa", "By Jane Roe.\nLondon (AP) -\nTheresa"),
        ("By JANE ROE and Al Poe, CNN\nTheresa", "By JANE ROE and Al Poe, CNN.\nTheresa"),
        ("A title\n\nOSLO (AP) - It", "A title\n\nOslo (AP) -\nIt"),
    ],
)
def test_a_byline_and_a_dateline_get_lines_of_their_own(text: str, expected: str) -> None:
    assert separate_start(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "AFL-CIO President Liz Shuler said no.",
        *("- Angela\n- Barack", "A Man - The story", "BREAKING - it rained", "Obama - The man"),
        *("By the way, Obama\nleft", "US - China talks", "IBM, Apple - The two"),
    ],
)
def test_other_starts_stay(text: str) -> None:
    assert separate_start(text) == text
