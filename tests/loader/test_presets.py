"""Files with the shapes of well-known collections; their texts were written for this project."""

import json
import re
from argparse import ArgumentParser
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ingest.core.posts import Post
from ingest.loader.arguments import add_arguments, reader_of
from ingest.loader.reading.presets import PRESETS
from ingest.loader.reading.rows import Row
from ingestsite.configuration import ROOT
from tests.support.rows import read_rows

Shape = tuple[str, str]  # the name of a file, and its text


def lines(*items: dict[str, object]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


HUFFPOST = lines(
    {
        "link": "https://example.org/1",
        "headline": "A Bridge Opens",
        "category": "WORLD NEWS",
        "short_description": "The mayor of Oslo opened a bridge.",
        "authors": "Kim Berg",
        "date": "2022-09-23",
    },
    {
        "link": "",
        "headline": "Lisbon Has A New Tram",
        "category": "TRAVEL",
        "short_description": "",
        "authors": "",
        "date": "2018-05-26",
    },
)
ALL_THE_NEWS_1 = (
    ",id,title,publication,author,date,year,month,url,content\n"
    "0,17283,A Bridge Opens,The Gazette,Kim Berg,2016-12-31,2016.0,12.0,,"
    '"OSLO  —   The mayor said: ""It is open.""\nThousands came."\n'
    "1,17284,Trams,Ledger,,2017/2/1,2017.0,2.0,https://example.org/2,Lisbon has a new tram.\n"
)
ALL_THE_NEWS_2 = (
    "date,year,month,day,author,title,article,url,section,publication\n"
    "2016-12-09 18:31:00,2016,12.0,9,Kim Berg,A Bridge Opens,"
    '"The mayor of Oslo, Norway, opened a bridge.",https://example.org/1,,Ledger\n'
    "2016-10-07,2016,10.0,7,,,Lisbon has a new tram.,,News,The Gazette\n"
)
SIGNAL_1M = lines(
    {
        "id": "f7ca322d-c3e8-40d2-841f-9d7250ac72ca",
        "content": "The mayor of Oslo opened a bridge. \nThousands came.",
        "title": "A bridge opens",
        "media-type": "News",
        "source": "Harbour Advertiser",
        "published": "2015-09-07T10:16:14Z",
    }
)
CC_NEWS = lines(
    {
        "authors": ["Kim Berg"],
        "date_download": "2017-03-01 08:00:00",
        "date_modify": None,
        "date_publish": "2016-09-15 09:25:00",
        "description": "A bridge.",
        "filename": "1.json",
        "language": "en",
        "maintext": "The mayor of Oslo opened a bridge.",
        "source_domain": "example.org",
        "title": None,
        "url": "https://example.org/1",
    },
    {"maintext": None, "source_domain": "example.org", "title": None, "date_publish": None},
    {
        "date_publish": "2016-09-15 09:25:00+00:00",
        "maintext": "Lisbon has a new tram.",
        "source_domain": "example.com",
        "title": "",
        "url": "",
    },
)
NEWS_PLEASE = json.dumps(json.loads(CC_NEWS.splitlines()[0]), indent=4)
CC_NEWS_OF_HUGGING_FACE = (
    "title,text,domain,date,description,url,image_url\n"
    "Trams,Lisbon has a new tram.,example.com,2018-03-02 17:19:29,,https://example.com/2,\n"
)
AG_NEWS = (
    '"3","A bridge opens","The mayor of Oslo opened a ""long"" bridge.\\"\n'
    '"4","Trams","Lisbon has a new tram, says Reuters."\n'
)
AG_NEWS_WITH_A_HEADER = f"Class Index,Title,Description\n{AG_NEWS}"
BBC = "category,text\ntech,the mayor of oslo opened a bridge\nsport,lisbon won again\n"
BBC_COMPETITION = 'ArticleId,Text,Category\n1833,"lisbon has a tram, and more",business\n'
BBC_BY_TABS = (
    "category\tfilename\ttitle\tcontent\n"
    'business\t001.txt\tTrams\t" Lisbon has a ""new"" tram, and more."\n'
)
BBC_FEED = (
    "title,pubDate,guid,link,description\n"
    '"Trams","Mon, 07 Mar 2022 08:01:56 GMT",https://example.org/g,https://example.org/2,'
    "Lisbon has a new tram.\n"
)
MIND = (
    "N55528\tlifestyle\troyals\tThe Bridge Of Oslo\tThe mayor opened it.\t"
    'https://example.org/1.html\t[{"Label": "Oslo", "Type": "G"}]\t[]\n'
    'N19639\tnews\tworld\t"Tram" Comes To Lisbon\t\thttps://example.org/2.html\t[]\t[]\n'
    'N61837\tnews\tworld\tA Quote\t"Unbalanced, said Macron.\thttps://example.org/3.html\t[]\t[]\n'
    "N53526\tsports\tgolf\tNo Quote\tRome won.\thttps://example.org/4.html\t[]\t[]\n"
)

# What each shape yields: publication, content and the day of each row, or its problem.
SHAPES: dict[str, tuple[str, Shape, list[tuple[str, str, str | None]]]] = {
    "huffpost": (
        "huffpost",
        ("News_Category_Dataset_v3.json", HUFFPOST),
        [
            ("HuffPost", "The mayor of Oslo opened a bridge.", "2022-09-23"),
            ("HuffPost", "Lisbon Has A New Tram", "2018-05-26"),
        ],
    ),
    "all the news 1": (
        "all-the-news-1",
        ("articles1.csv", ALL_THE_NEWS_1),
        [
            (
                "The Gazette",
                'OSLO  —   The mayor said: "It is open."\nThousands came.',
                "2016-12-31",
            ),
            ("Ledger", "Lisbon has a new tram.", "2017-02-01"),
        ],
    ),
    "all the news 2": (
        "all-the-news-2",
        ("all-the-news-2-1.csv", ALL_THE_NEWS_2),
        [
            ("Ledger", "The mayor of Oslo, Norway, opened a bridge.", "2016-12-09"),
            ("The Gazette", "Lisbon has a new tram.", "2016-10-07"),
        ],
    ),
    "signal 1m": (
        "signal-1m",
        ("sample-1M.jsonl", SIGNAL_1M),
        [
            (
                "Harbour Advertiser",
                "The mayor of Oslo opened a bridge. \nThousands came.",
                "2015-09-07",
            )
        ],
    ),
    "cc-news": (
        "cc-news",
        ("cc.jsonl", CC_NEWS),
        [
            ("example.org", "The mayor of Oslo opened a bridge.", "2016-09-15"),
            ("example.org", "", None),
            ("example.com", "Lisbon has a new tram.", "2016-09-15"),
        ],
    ),
    "cc-news, a file of news-please": (
        "cc-news",
        ("1.json", NEWS_PLEASE),
        [("example.org", "The mayor of Oslo opened a bridge.", "2016-09-15")],
    ),
    "cc-news of Hugging Face": (
        "cc-news",
        ("cc.csv", CC_NEWS_OF_HUGGING_FACE),
        [("example.com", "Lisbon has a new tram.", "2018-03-02")],
    ),
    "ag news": (
        "ag-news",
        ("train.csv", AG_NEWS),
        [
            ("AG News", 'The mayor of Oslo opened a "long" bridge.\\', None),
            ("AG News", "Lisbon has a new tram, says Reuters.", None),
        ],
    ),
    "ag news with a header": (
        "ag-news",
        ("train.csv", AG_NEWS_WITH_A_HEADER),
        [
            ("AG News", 'The mayor of Oslo opened a "long" bridge.\\', None),
            ("AG News", "Lisbon has a new tram, says Reuters.", None),
        ],
    ),
    "bbc": (
        "bbc",
        ("bbc-text.csv", BBC),
        [
            ("BBC News", "the mayor of oslo opened a bridge", None),
            ("BBC News", "lisbon won again", None),
        ],
    ),
    "bbc of the competition": (
        "bbc",
        ("BBC News Train.csv", BBC_COMPETITION),
        [("BBC News", "lisbon has a tram, and more", None)],
    ),
    "bbc by tabs": (
        "bbc",
        ("bbc-news-data.csv", BBC_BY_TABS),
        [("BBC News", ' Lisbon has a "new" tram, and more.', None)],
    ),
    "bbc of a feed": (
        "bbc",
        ("bbc_news.csv", BBC_FEED),
        [("BBC News", "Lisbon has a new tram.", "2022-03-07")],
    ),
    "mind": (
        "mind",
        ("news.tsv", MIND),
        [
            ("Microsoft News", "The mayor opened it.", None),
            ("Microsoft News", '"Tram" Comes To Lisbon', None),
            ("Microsoft News", '"Unbalanced, said Macron.', None),
            ("Microsoft News", "Rome won.", None),
        ],
    ),
}


def rows(path: Path, *arguments: str) -> list[Row]:
    parser = ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args([*arguments, str(path)])
    return read_rows(reader_of(options), path)[0]


@pytest.mark.parametrize("name", SHAPES)
def test_a_preset_reads_the_shape_of_its_collection(tmp_path: Path, name: str) -> None:
    preset, (file, text), expected = SHAPES[name]
    path = tmp_path / file
    path.write_text(text, encoding="utf-8", newline="")
    found = rows(path, "--like", preset)
    assert [row.problem for row in found] == [""] * len(expected)
    posts = [row.post or {} for row in found]
    assert [
        (post["publication"], post.get("content", ""), post.get("published_at", "")[:10] or None)
        for post in posts
    ] == expected
    for post in posts:
        if "content" in post:
            Post.model_validate(post)


def test_a_preset_reads_the_other_fields_too(tmp_path: Path) -> None:
    path = tmp_path / "news.tsv"
    path.write_text(MIND, encoding="utf-8")
    assert rows(path, "--like", "mind")[0].post == {
        "publication": "Microsoft News",
        "id": "N55528",
        "title": "The Bridge Of Oslo",
        "url": "https://example.org/1.html",
        "content": "The mayor opened it.",
    }


def test_a_preset_reads_parquet_too(tmp_path: Path) -> None:
    path = tmp_path / "train-00000-of-00001.parquet"
    parquet.write_table(pa.table({"text": ["Lisbon has a new tram."], "label": [2]}), path)
    (row,) = rows(path, "--like", "ag-news")
    assert row.post == {"publication": "AG News", "content": "Lisbon has a new tram."}


def test_an_option_goes_before_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(HUFFPOST)
    options = ("--like", "huffpost", "--publication", "Mine", "--column", "content=headline")
    found = [row.post or {} for row in rows(path, *options)]
    assert [(post["publication"], post["content"]) for post in found] == [
        ("Mine", "A Bridge Opens"),
        ("Mine", "Lisbon Has A New Tram"),
    ]


def test_each_preset_has_a_shape_here_and_a_row_in_the_documents() -> None:
    assert {preset for preset, *_ in SHAPES.values()} == set(PRESETS)
    text = (ROOT / "docs/loading.md").read_text()
    documented = re.findall(r"^\| `([a-z][a-z\d-]+)` \| [A-Z]", text, re.M)
    assert sorted(documented) == sorted(PRESETS)
