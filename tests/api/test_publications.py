"""Counts over HTTP: samples, filters, pages and exports."""

import csv
import io
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import caches
from django.test import Client

from ingest.analytics.entity_list import EntityQuery, list_entities
from ingest.analytics.export import entity_fields
from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.models import ApiKey
from ingest.store import open_store
from ingest.store.base import Store
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import entity, with_entities

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker")]

ODD = '../<b>"é'
OBAMA = entity_id("PERSON", "obama")
GAZETTE = "/api/publications/The%20Gazette"
EXPORT = "/api/publications/Formulas/entities.csv"


def on(day: int) -> datetime:
    """Return a time on a day in May."""
    return datetime(2026, 5, day, 9, tzinfo=UTC)


POSTS = [
    with_entities("1", [entity("Obama", 2), entity("Oslo", label="GPE")], published_at=on(1)),
    with_entities("2", [entity("Obama", 3), entity("=1+1", 4)], published_at=on(3)),
    with_entities("3", [entity("Obama")], publication=ODD, published_at=on(2)),
    with_entities("4", [entity("Odin")], publication="..", published_at=on(2)),
]


@pytest.fixture
def store(sql_store: None) -> Store:
    """Return the store that the API reads, with posts in it."""
    store = open_store()
    store.add(POSTS)
    return store


@pytest.fixture
def api(store: Store) -> Client:
    """Return a client with a key that allows reading."""
    caches["keys"].clear()
    _, secret = ApiKey.create("reader", scopes=["read"])
    return Client(headers={"Authorization": f"Bearer {secret}"})


def read(api: Client, url: str, status: HTTPStatus = HTTPStatus.OK) -> Any:
    """Return the JSON at a URL."""
    response = api.get(url)
    assert response.status_code == status, response.content
    return json.loads(b"".join(response) if response.streaming else response.content)


def texts(answer: Any) -> list[str]:
    return [entity["text"] for entity in answer["entities"]]


def test_a_publication_has_its_posts_by_day(api: Client) -> None:
    answer = read(api, GAZETTE)
    assert answer["days"] == {"2026-05-01": 1, "2026-05-03": 1}
    assert (answer["posts"], answer["first_day"], answer["last_day"]) == (
        2,
        "2026-05-01",
        "2026-05-03",
    )


def test_days_are_summed_in_the_step_that_is_asked_for(api: Client) -> None:
    answer = read(api, f"{GAZETTE}?since=2026-05-02&step=month")
    assert (answer["step"], answer["days"]) == ("month", {"2026-05-03": 1})
    assert answer["window"] == {"since": "2026-05-02", "until": "2026-05-03"}
    assert answer["series"] == [{"since": "2026-05-01", "posts": 1}]
    own = read(api, f"/api/entities/{OBAMA}?until=2026-05-02")
    assert (own["mentions"], own["posts"], own["of_posts"], own["step"]) == (3, 2, 2, "day")
    assert own["series"] == [
        {"since": "2026-05-01", "mentions": 2, "posts": 1, "of_posts": 1},
        {"since": "2026-05-02", "mentions": 1, "posts": 1, "of_posts": 1},
    ]
    assert [p["days"] for p in own["publications"]] == [{"2026-05-01": 2}, {"2026-05-02": 1}]
    for query in ("step=hour", "since=2026-05-02&until=2026-05-01"):
        read(api, f"{GAZETTE}?{query}", HTTPStatus.UNPROCESSABLE_ENTITY)


@pytest.mark.parametrize("name", [ODD, "..", "The Gazette"])
def test_every_publication_has_a_url_that_no_client_changes(api: Client, name: str) -> None:
    (own,) = [p for p in read(api, "/api/publications")["publications"] if p["name"] == name]
    assert own["url"] == f"/api/publications/{publication_id(name)}"
    assert read(api, own["url"])["name"] == name
    assert read(api, own["entities_url"])["publication"] == name


def test_publications_are_paged(api: Client) -> None:
    url, names = "/api/publications?limit=2", []
    while url:
        page = read(api, url)
        names.append([p["name"] for p in page["publications"]])
        url = page["next"]
    assert names == [["..", ODD], ["The Gazette"]]


def test_a_list_states_its_sample_and_window(api: Client) -> None:
    answer = read(api, f"{GAZETTE}/entities")
    assert answer["posts"] == 2
    assert answer["window"] == {"since": "2026-05-01", "until": "2026-05-03"}
    obama = answer["entities"][0]
    assert (obama["text"], obama["mentions"], obama["posts"]) == ("Obama", 5, 2)
    assert [e["share_of_posts"] for e in answer["entities"]] == [1, 0.5, 0.5]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Obama", "=1+1", "Oslo"]),
        ("family=PLACE", ["Oslo"]),
        ("family=GROUP", []),
        ("prefix=OB", ["Obama"]),
        ("prefix=o", ["Obama", "Oslo"]),
        ("prefix=o&family=PLACE", ["Oslo"]),
        ("since=2026-05-02", ["=1+1", "Obama"]),
        ("until=2026-05-01", ["Obama", "Oslo"]),
        ("since=2026-05-02&until=2026-05-02", []),
        ("since=2026-05-02&prefix=o", ["Obama"]),
    ],
)
def test_each_filter(api: Client, query: str, expected: list[str]) -> None:
    answer = read(api, f"{GAZETTE}/entities?{query}")
    assert texts(answer) == expected
    assert answer["order"] == ("key" if query.startswith("prefix") else "mentions")


def test_a_window_has_its_own_sample_and_certain_positions(api: Client) -> None:
    answer = read(api, f"{GAZETTE}/entities?since=2026-05-02")
    assert answer["posts"] == 1
    assert answer["window"] == {"since": "2026-05-02", "until": "2026-05-03"}
    assert (answer["considered"], answer["certain"]) == (3, 3)
    assert {(e["posts"], e["share_of_posts"]) for e in answer["entities"]} == {(1, 1.0)}


def test_firestore_knows_the_posts_within_a_window(firestore: FirestoreStore) -> None:
    firestore.add(POSTS)
    publication = firestore.publication("The Gazette")
    assert publication
    page = list_entities(firestore, publication, EntityQuery(since="2026-05-02"))
    fields = [entity_fields(page, entity) for entity in page.entities]
    assert {(e["posts"], e["share_of_posts"]) for e in fields} == {(1, 1)}


@pytest.mark.parametrize("query", ["", "&prefix=n", "&since=2026-05-01"])
def test_every_list_has_pages(api: Client, store: Store, query: str) -> None:
    names = [entity(f"Name {n}", mentions=n) for n in range(1, 8)]
    store.add([with_entities("9", names, publication="Paged")])
    url, seen = f"/api/publications/paged/entities?limit=3{query}", []
    while url:
        page = read(api, url)
        seen.append(texts(page))
        url = page["next"]
    assert [len(page) for page in seen] == [3, 3, 1]
    assert {text for page in seen for text in page} == {e.text for e in names}


@pytest.mark.parametrize(
    "query",
    [
        "limit=1.5",
        "label=GPE",
        "since=2026-13-01",
        "since=1777777777",
        "since=2026-05-02&until=2026-05-01",
        "prefix=",
        "cursor=WzFd",
    ],
)
def test_an_invalid_query_is_refused_by_name(api: Client, query: str) -> None:
    answer = read(api, f"{GAZETTE}/entities?{query}", HTTPStatus.UNPROCESSABLE_ENTITY)
    field = query.partition("=")[0]
    assert answer["errors"][0]["pointer"] in (f"/{field}", "")
    assert field in json.dumps(answer)


def test_a_name_is_found_in_any_publication(api: Client) -> None:
    answer = read(api, "/api/entities?q=OB")
    assert (answer["order"], answer["considered"], answer["is_exact"]) == ("mentions", 1, True)
    (obama,) = answer["entities"]
    assert (obama["text"], obama["id"]) == ("Obama", OBAMA)
    assert (obama["mentions"], obama["posts"]) == (6, 3)
    assert [(p["publication"], p["mentions"]) for p in obama["publications"]] == [
        ("The Gazette", 5),
        (ODD, 1),
    ]
    assert texts(read(api, "/api/entities?q=o&family=place&order=posts&limit=1")) == ["Oslo"]


@pytest.mark.parametrize("query", ["", "?q=", "?q=..", "?q=a&order=days", "?q=a&since=2026-05-01"])
def test_a_search_without_a_word_is_refused(api: Client, query: str) -> None:
    read(api, f"/api/entities{query}", HTTPStatus.UNPROCESSABLE_ENTITY)


@pytest.mark.parametrize("window", ["", "&since=2026-05-02"])
def test_a_list_is_ordered_by_posts(api: Client, store: Store, window: str) -> None:
    more = [with_entities(f"o{n}", [entity("Often")], published_at=on(5)) for n in range(3)]
    store.add([*more, with_entities("once", [entity("Once", 28)], published_at=on(6))])
    url = f"{GAZETTE}/entities?limit=1{window}"
    assert texts(read(api, url)) == ["Once"]
    by_posts = read(api, f"{url}&order=posts")
    assert (by_posts["order"], texts(by_posts)) == ("posts", ["Often"])
    assert by_posts["entities"][0]["posts"] == 3
    assert texts(read(api, by_posts["next"])) != ["Often"]


def test_trends_state_both_samples(api: Client, store: Store) -> None:
    posts = [with_entities(f"t{n}", [entity("Riser")], published_at=on(20)) for n in range(5)]
    quiet = [with_entities(f"q{n}", published_at=on(2)) for n in range(9)]
    store.add([*posts, *quiet])
    answer = read(api, f"{GAZETTE}/trends?since=2026-05-20&until=2026-05-21&baseline=2026-05-01")
    assert answer["recent"] == {"since": "2026-05-20", "until": "2026-05-21", "posts": 5}
    assert answer["baseline"] == {"since": "2026-05-01", "until": "2026-05-19", "posts": 11}
    assert (answer["least_posts"], answer["least_score"], answer["considered"]) == (5, 2, 1)
    (riser,) = answer["rising"]
    assert (riser["posts"], riser["before"], riser["share"], riser["is_new"]) == (5, 0, 1, True)
    assert (riser["score"], answer["falling"]) == (4.0, [])
    wrong = read(api, f"{GAZETTE}/trends?baseline=2026-05-01", HTTPStatus.UNPROCESSABLE_ENTITY)
    assert "baseline needs since" in json.dumps(wrong)


def test_one_entity_in_every_publication(api: Client) -> None:
    answer = read(api, f"/api/entities/{OBAMA}")
    assert (answer["text"], answer["mentions"], answer["posts"]) == ("Obama", 6, 3)
    assert answer["of_posts"] == 3
    assert answer["days"] == {"2026-05-01": 2, "2026-05-02": 1, "2026-05-03": 3}
    assert [(p["publication"], p["mentions"]) for p in answer["publications"]] == [
        ("The Gazette", 5),
        (ODD, 1),
    ]


def test_the_posts_that_mention_an_entity(api: Client) -> None:
    url, seen = f"/api/entities/{OBAMA}/posts?limit=2", []
    while url:
        page = read(api, url)
        seen.append([p["id"] for p in page["posts"]])
        url = page["next"]
    assert seen == [[POSTS[1].post_id, POSTS[2].post_id], [POSTS[0].post_id]]
    own = read(api, f"/api/entities/{OBAMA}/posts?publication={quote(ODD)}")
    assert [p["id"] for p in own["posts"]] == [POSTS[2].post_id]


def test_two_publications_are_compared(api: Client) -> None:
    answer = read(api, f"/api/compare?first=the%20gazette&second={quote(ODD)}")
    assert [e["text"] for e in answer["only_first"]] == ["=1+1", "Oslo"]
    assert answer["only_second"] == []
    (both,) = answer["both"]
    assert both["first"] == {"mentions": 5, "posts": 2}
    assert both["second"] == {"mentions": 1, "posts": 1}
    assert (answer["first"]["posts"], answer["second"]["posts"]) == (2, 1)


def test_a_csv_export_holds_all_and_no_formula(api: Client) -> None:
    response = api.get(f"{GAZETTE}/entities.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="The-Gazette.csv"' in response["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode("utf-8-sig"))))
    assert [row["Entity"] for row in rows] == ["Obama", "'=1+1", "Oslo"]
    first = rows[0]
    assert (first["Mentions"], first["Posts of publication"], first["Until"]) == (
        "5",
        "2",
        "2026-05-03",
    )


def test_a_csv_export_opens_in_excel_and_is_the_same_for_api_and_pages(api: Client) -> None:
    """Excel reads a file as UTF-8 only if a byte order mark begins it."""
    exported = b"".join(api.get(f"{GAZETTE}/entities.csv"))
    page = f"/publications/{publication_id('The Gazette')}/entities.csv"
    assert exported.startswith(
        b"\xef\xbb\xbfEntity,Label,Family,Key,ID,Mentions,Posts,Share of posts,"
        b"Publication,Posts of publication,Since,Until\r\nObama,PERSON,PERSON,obama,"
    )
    assert exported.count(b"\xef\xbb\xbf") == 1
    assert b"".join(api.get(page)) == exported


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_no_text_of_a_csv_export_runs_as_a_formula(api: Client, store: Store, start: str) -> None:
    store.add([with_entities("9", [entity(f"{start}1+1")], publication="Formulas")])
    rows = csv.reader(io.StringIO(b"".join(api.get(EXPORT)).decode("utf-8-sig"), newline=""))
    assert [row[0] for row in rows] == ["Entity", f"'{start}1+1"]


def test_a_json_export_holds_all(api: Client, store: Store) -> None:
    names = [entity(f"Name {n}") for n in range(2500)]
    store.add([with_entities("9", names, publication="Large")])
    answer = read(api, "/api/publications/large/entities.json")
    assert len(set(texts(answer))) == 2500
    assert answer["posts"] == 1
    assert texts(read(api, f"{GAZETTE}/entities.json?family=PLACE")) == ["Oslo"]
    assert texts(read(api, f"{GAZETTE}/entities.json?family=GROUP")) == []


def test_unchanged_data_is_not_sent_again(api: Client, store: Store) -> None:
    url = f"{GAZETTE}/entities?limit=1"
    etag = api.get(url)["ETag"]
    again = api.get(url, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
    store.add([with_entities("9", [entity("Obama")])])
    assert api.get(url, headers={"If-None-Match": etag}).status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    "path",
    [
        "/api/publications/Nowhere",
        "/api/publications/Nowhere/entities.csv",
        f"/api/entities/{'0' * 32}",
        "/api/entities/x",
        "/api/compare?first=Nowhere&second=The%20Gazette",
    ],
)
def test_an_unknown_publication_or_entity_is_404(api: Client, path: str) -> None:
    read(api, path, HTTPStatus.NOT_FOUND)


def test_reading_requires_a_key(store: Store) -> None:
    for path in (GAZETTE, f"{GAZETTE}/entities.csv", "/api/compare", f"/api/entities/{OBAMA}"):
        assert Client().get(path).status_code == HTTPStatus.UNAUTHORIZED
