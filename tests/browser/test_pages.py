"""Each page in a browser: its content, filters, paging and accessibility."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ingest.analytics.summaries import summarise
from ingest.core.posts import publication_id
from tests.browser.conftest import ODD, Site
from tests.support.browser import serious_faults
from tests.support.factories import entity, with_entities

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 800}}
WITHOUT_SCRIPTS: dict[str, Any] = {"java_script_enabled": False}


def names(page: Page) -> list[str]:
    """Return the names in the table."""
    page.wait_for_load_state()  # the title is there before the table
    return page.locator(".names tbody th a").all_inner_texts()


def every_page(site: Site) -> list[str]:
    """Return a URL of each kind of page."""
    first, second = publication_id("The Gazette"), publication_id(ODD)
    return [
        "/",
        site.publication("The Gazette"),
        site.publication(ODD) + "?since=2026-05-01",
        site.entity("PERSON", "angela merkel"),
        site.publication("The Gazette") + "/trends",
        "/search?q=name",
        f"/compare?first={first}&second={second}",
        site.entity("PERSON", "angela merkel") + "/mentioned-with",
        site.publication("The Gazette") + "/posts",
        f"/posts/{site.store.newest_posts('The Gazette', limit=1)[0].post_id}",
        f"/embed/publications/{first}/days",
        "/login",
    ]


def test_the_front_page_has_a_card_for_each_publication(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".card h2")).to_have_text([ODD, "The Gazette"])
    card = page.locator(".card").nth(1)
    expect(card.locator(".facts")).to_contain_text("30 posts")
    expect(card.locator(".spark svg")).to_be_visible()
    expect(card.locator(".cloud")).to_contain_text("Angela Merkel")
    expect(card.locator(".top-names tr").nth(1)).to_contain_text("90")
    card.locator("h2 a").click()
    expect(page.locator("h1")).to_have_text("The Gazette")


def test_a_name_that_looks_like_html_is_only_a_name(page: Page, site: Site) -> None:
    page.goto(site.publication(ODD))
    expect(page.locator("h1")).to_have_text(ODD)
    expect(page).to_have_title(f"{ODD} · ingest")
    assert "<script>alert(1)</script>" in names(page)
    page.get_by_role("link", name="<script>alert(1)</script>").last.click()
    expect(page.locator("h1")).to_contain_text("<script>alert(1)</script>")
    assert page.locator("main script, main b").count() == 0


def test_charts_have_their_numbers_as_text(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette"))
    expect(page.locator("main svg.pygal-chart")).to_have_count(2)
    for details in page.locator("details").all():
        details.locator("summary").click()
    kinds, days = page.locator("table.numbers").nth(1), page.locator("table.numbers").nth(0)
    expect(kinds.locator("tbody tr").first).to_contain_text("People")
    expect(days.locator("tbody tr")).to_have_count(30)


@pytest.mark.parametrize("options", [{}, WITHOUT_SCRIPTS], ids=["scripts", "none"])
def test_each_filter(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette"))
    table = page.locator(".names tbody tr")
    expect(table).to_have_count(25)

    page.get_by_label("Kind").select_option("PLACE")
    page.get_by_role("button", name="Show").click()
    expect(table).to_have_count(1)
    assert names(page) == ["Oslo"]
    assert "family=PLACE" in page.url

    page.get_by_label("Kind").select_option("")
    page.get_by_label("Begins with").fill("ANG")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".sample")).to_contain_text("in alphabetical order")
    assert names(page) == ["Angela Merkel"]

    page.get_by_label("Begins with").fill("")
    page.get_by_label("From day").fill("2026-05-30")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".sample")).to_contain_text(
        "Counted in 1 post from 2026-05-30 to 2026-05-30"
    )
    expect(page.locator(".names tbody tr").first).to_contain_text("3")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".sample")).to_contain_text("Counted in 30 posts.")


@pytest.mark.parametrize("options", [{}, PHONE, WITHOUT_SCRIPTS], ids=["desk", "phone", "none"])
def test_a_name_is_found_from_any_page(page: Page) -> None:
    page.goto("/compare")
    page.get_by_role("searchbox", name="Find a name").fill("MERK")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Find a name")
    assert names(page)[0] == "Angela Merkel"
    page.get_by_role("link", name="Angela Merkel").click()
    expect(page.locator("h1")).to_contain_text("Angela Merkel")


@pytest.mark.parametrize("options", [{}, WITHOUT_SCRIPTS], ids=["scripts", "none"])
def test_the_last_days_are_a_button_away(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette"))
    page.get_by_role("link", name="7 days").click()
    expect(page.locator("figcaption").first).to_contain_text("2026-05-24 to 2026-05-30")
    expect(page.locator(".sample").first).to_contain_text("Counted in 7 posts")
    page.get_by_label("Begins with").fill("oslo")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".names tbody tr")).to_have_count(1)
    expect(page.locator(".sample").first).to_contain_text("Counted in 7 posts")


def test_an_invalid_filter_is_explained(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette") + "?since=2026-05-03&until=2026-05-01")
    expect(page.get_by_role("alert")).to_contain_text("since is after until")
    assert len(names(page)) == 25


@pytest.mark.parametrize("options", [{}, WITHOUT_SCRIPTS], ids=["scripts", "none"])
def test_the_table_is_paged(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette"))
    seen = names(page)
    for count in (25, 12):
        page.get_by_role("link", name="Next page").click()
        expect(page.locator(".names tbody tr")).to_have_count(count)
        expect(page.locator(".names tbody tr").first).not_to_contain_text(seen[0])
        seen += names(page)
    assert len(set(seen)) == len(seen) == 62
    page.get_by_role("link", name="First page").click()
    expect(page.locator(".names tbody tr").first).to_contain_text("Angela Merkel")


def test_the_table_can_be_exported(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette") + "?family=PLACE")
    rows = list(csv.DictReader(_download(page, "CSV").read_text("utf-8-sig").splitlines()))
    assert [(row["Entity"], row["Posts of publication"]) for row in rows] == [("Oslo", "30")]
    page.goto(site.publication("The Gazette"))
    assert len(json.loads(_download(page, "JSON").read_text("utf-8"))["entities"]) == 62


def _download(page: Page, name: str) -> Path:
    with page.expect_download() as download:
        own = page.get_by_role("group", name="Export these names")
        own.get_by_role("link", name=name, exact=True).click()
    return download.value.path()


def test_an_entity_has_its_days_publications_and_posts(page: Page, site: Site) -> None:
    page.goto(site.entity("PERSON", "angela merkel"))
    expect(page.locator("h1")).to_contain_text("Angela Merkel")
    expect(page.locator(".figures")).to_contain_text("91")
    assert names(page) == ["The Gazette", ODD]
    expect(page.locator("main svg.pygal-chart")).to_be_visible()
    post = page.locator(".posts li").first
    expect(post.locator("h3 a")).to_have_attribute("href", "https://example.org/29")
    expect(post.locator("h3")).to_have_text("Day <29>")
    expect(post.locator("blockquote")).to_have_text("Then Angela Merkel went to Oslo & back.")
    expect(post.locator("mark")).to_have_text("Angela Merkel")
    page.get_by_role("link", name="Older posts").click()
    expect(page.locator(".posts h3").first).to_have_text("Day <19>")
    page.get_by_role("link", name=ODD).click()
    expect(page.locator(".posts li")).to_have_count(1)
    expect(page.locator(".figures")).to_contain_text("1 of 1")


def test_two_publications_are_compared(page: Page) -> None:
    page.goto("/compare")
    for name in ("The Gazette", ODD):
        page.get_by_label("Add a publication").fill(name)
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("checkbox", name=name)).to_be_checked()
    columns = page.locator(".column")
    expect(columns.nth(0)).to_contain_text("Oslo")
    expect(columns.nth(1)).to_contain_text("ÉOLE")
    both = page.locator(".sides tbody tr", has_text="Angela Merkel").locator("td")
    expect(both.nth(0)).to_contain_text("90 mentions")
    expect(both.nth(1)).to_contain_text("1 mention")
    expect(page.locator(".lines svg.pygal-chart").first).to_be_visible()


def test_a_keyboard_skips_a_word_cloud(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette"))
    skip = page.get_by_role("link", name="Skip the word cloud")
    skip.focus()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.cloud')") is None


def test_a_pending_summary_appears_by_itself(page: Page, site: Site) -> None:
    site.store.add([with_entities("new", [entity("Fresh Name")], publication="Zeitung")])
    try:
        page.goto(site.publication("Zeitung"))
        expect(page.locator(".pending")).to_be_visible()
        summarise(site.store, publication_id("Zeitung"))
        expect(page.locator(".cloud")).to_contain_text("Fresh Name", timeout=20_000)
        expect(page.locator(".pending")).to_have_count(0)
    finally:
        post = with_entities("new", publication="Zeitung")
        site.store.remove(post.post_id, at=post.accepted_at.replace(year=2027))


def test_a_page_says_that_posts_are_refused(page: Page, paused_intake: None) -> None:
    page.goto("/")
    expect(page.locator(".notice")).to_contain_text("New posts are refused")


def test_a_missing_page_has_its_own_page(page: Page, complaints: list[str]) -> None:
    response = page.goto(f"/publications/{'0' * 32}")
    assert response
    assert response.status == 404
    expect(page.locator("h1")).to_have_text("Page not found")
    page.get_by_role("link", name="To the publications").click()
    expect(page.locator("h1")).to_have_text("Publications")
    complaints.clear()  # the browser logs the 404


@pytest.mark.parametrize(
    ("options", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_everybody_can_use_every_page(page: Page, site: Site, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    for url in every_page(site):
        page.goto(url)
        assert serious_faults(page) == [], url
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], url  # type: ignore[index]


def test_a_keyboard_is_enough(page: Page, site: Site) -> None:
    page.goto(site.publication("The Gazette"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main:focus")).to_have_count(1)
    page.get_by_label("Begins with").fill("oslo")
    page.keyboard.press("Enter")
    expect(page.locator(".names tbody tr")).to_have_count(1)
    expect(page.locator("#names-title:focus")).to_have_count(1)
