"""The text that a reader sees of HTML."""

import pytest

from ingest.nlp.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Angela\nMerkel</p>\n<p>Oslo</p>", "Angela Merkel\nOslo"),
        ("<p>Angela\r\n   Merkel</p>", "Angela Merkel"),
        ("<pre>a\nb</pre>", "a\nb"),
        ("A <b>headline</b>\n\nA story", "A headline\nA story"),
        ("<![CDATA[<p>Angela Merkel</p>]]>", "Angela Merkel"),
        ("<![CDATA[Angela < Merkel]]>", "Angela < Merkel"),
        ("&lt;p&gt;Angela&lt;/p&gt;&lt;p&gt;Oslo&lt;/p&gt;", "Angela\nOslo"),
        ("&amp;lt;b&amp;gt;Angela&amp;lt;/b&amp;gt; M", "Angela M"),
        ("&lt;![CDATA[&lt;p&gt;Angela&lt;/p&gt;]]&gt;", "Angela"),
        ("<p>Merkel<sup>[1]</sup> on the 20<sup>th</sup></p>", "Merkel on the 20th"),
        ("Merkel<sup>2</sup> and Obama<sup>[note]</sup>", "Merkel and Obama"),
        ("a &lt; b and AT&amp;T", "a &lt; b and AT&amp;T"),
    ],
)
def test_html_reads_as_a_browser_shows_it(html: str, expected: str) -> None:
    assert html_to_text(html) == expected
