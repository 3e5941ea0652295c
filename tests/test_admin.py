"""The Django admin, as far as it goes."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ingest.models import Alias, ApiKey, DeadLetter, Pattern, PatternSet, RulesVersion, Run
from ingest.patterns import judge
from ingest.rulebook import newest_patterns, newest_rules

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    """Return a client that has logged in."""
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    return client


def test_the_login_page_has_its_style() -> None:
    page = Client().get("/admin/login/").content.decode()
    (style, *_) = re.findall(r'href="(/static/[^"]+\.css)"', page)
    response = Client().get(style)
    assert response.status_code == 200
    assert b"body" in b"".join(response)
    response.close()


def test_keys_and_dead_letters_can_be_looked_at(operator: Client) -> None:
    ApiKey.create("wire", scopes=["read"])
    letter = DeadLetter.objects.create(
        post_id="d" * 32,
        publication="The Gazette",
        step="extract",
        reason="failed",
        detail="ValueError: bad",
        trace="Traceback",
        attempts=2,
        payload={"content": "A bad post."},
    )
    assert "wire" in operator.get("/admin/ingest/apikey/").content.decode()
    assert "The Gazette" in operator.get("/admin/ingest/deadletter/").content.decode()
    page = operator.get(f"/admin/ingest/deadletter/{letter.pk}/change/").content.decode()
    assert "A bad post." in page
    assert "Traceback" in page


def test_a_key_is_made_and_shown_once(operator: Client) -> None:
    form = {
        "name": "wire",
        "scopes": ["submit", "read"],
        "publications": "The Gazette\r\n\r\n Another/Paper ",
        "requests_per_minute": "60",
    }
    page = operator.post("/admin/ingest/apikey/add/", form, follow=True).content.decode()
    (secret,) = re.findall(r"shown this once: (ing_\S+?)<", page)
    key = ApiKey.objects.get()
    assert key.digest == ApiKey.digest_of(secret)
    assert (key.scopes, key.publications) == (["submit", "read"], ["The Gazette", "Another/Paper"])
    assert secret not in operator.get(f"/admin/ingest/apikey/{key.pk}/change/").content.decode()


def test_a_key_is_changed_without_another_secret(operator: Client) -> None:
    key, _ = ApiKey.create("wire", scopes=["read"])
    form = {"name": "wire", "scopes": ["submit"], "publications": ""}
    operator.post(f"/admin/ingest/apikey/{key.pk}/change/", form)
    changed = ApiKey.objects.get()
    assert (changed.digest, changed.scopes, changed.publications) == (key.digest, ["submit"], [])


def test_keys_are_revoked_together(operator: Client) -> None:
    keys = [ApiKey.create(name, scopes=["read"])[0] for name in ("a", "b")]
    form = {"action": "revoke", "_selected_action": [key.pk for key in keys]}
    operator.post("/admin/ingest/apikey/", form)
    assert not ApiKey.objects.filter(revoked_at=None).exists()


def test_nobody_comes_in_without_a_login() -> None:
    assert Client().get("/admin/ingest/apikey/").status_code == 302


ALIAS = {"label": "GPE", "name": "US", "becomes": "United States", "state": "accepted"}


@pytest.mark.usefixtures("empty_broker")
@pytest.mark.django_db(transaction=True)
def test_an_alias_is_made_changed_and_deleted_and_each_is_counted(operator: Client) -> None:
    page = operator.post("/admin/ingest/alias/add/", ALIAS, follow=True).content.decode()
    assert "Saved posts are counted again" in page
    alias = Alias.objects.get()
    assert (alias.family, alias.key) == ("PLACE", "us")
    operator.post(f"/admin/ingest/alias/{alias.pk}/change/", {**ALIAS, "becomes": ""})
    assert newest_rules().everywhere == {("PLACE", "us"): None}
    operator.post(f"/admin/ingest/alias/{alias.pk}/delete/", {"post": "yes"})
    assert newest_rules().everywhere == {}
    assert RulesVersion.objects.get().version == 3
    assert Run.objects.count() == 3
    assert "0 posts seen" in operator.get("/admin/ingest/run/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", "...", "no letter"),
        ("name", "USA", "becomes this entity again"),
        ("name", "u.s.", "already"),
    ],
)
def test_an_alias_that_cannot_be_meant_is_refused(
    operator: Client, field: str, value: str, problem: str
) -> None:
    Alias.objects.create(label="GPE", name="US", becomes="USA")
    posted = {**ALIAS, "becomes": "US", field: value}
    page = operator.post("/admin/ingest/alias/add/", posted).content.decode()
    assert problem.lower() in page.lower()
    assert Alias.objects.count() == 1


@pytest.mark.usefixtures("empty_broker")
@pytest.mark.django_db(transaction=True)
def test_proposals_are_accepted_and_rejected(operator: Client) -> None:
    proposed = {"label": "GPE", "becomes": "USA", "state": Alias.State.PROPOSED}
    rows = [Alias.objects.create(name=name, **proposed) for name in ("US", "U.S.A. ", "America")]
    assert newest_rules().everywhere == {}
    for action, chosen in (("accept", rows[:2]), ("reject", rows[2:])):
        data = {"action": action, "_selected_action": [row.pk for row in chosen]}
        operator.post("/admin/ingest/alias/", data)
    assert {a.name: a.state for a in Alias.objects.all()} == {
        "US": "accepted",
        "U.S.A. ": "accepted",
        "America": "rejected",
    }
    assert newest_rules().everywhere.keys() == {("PLACE", "us"), ("PLACE", "usa")}


PATTERN = {"label": "ORG", "pattern": '[{"LOWER":"deutsche"},  {"LOWER":"bahn"}]'}


def test_a_pattern_is_made_and_deleted_and_each_makes_a_version(operator: Client) -> None:
    page = operator.post("/admin/ingest/pattern/add/", PATTERN, follow=True).content.decode()
    assert "manage.py reprocess" in page
    assert newest_patterns().kept_as == 1
    assert newest_patterns().patterns == (("ORG", [{"LOWER": "deutsche"}, {"LOWER": "bahn"}]),)
    chosen = {"_selected_action": [Pattern.objects.get().pk], "post": "yes"}
    operator.post("/admin/ingest/pattern/", {"action": "delete_selected", **chosen})
    assert (newest_patterns().version, newest_patterns().kept_as) == (2, None)
    assert "version 1, 1 patterns" in operator.get("/admin/ingest/patternset/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("pattern", "[{]", "no JSON list"),
        ("pattern", "4711", "Is no name"),
        ("pattern", "Bahn", "a pattern like this already"),
        ("label", "DATE", "not one of the available choices"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(
    operator: Client, monkeypatch: pytest.MonkeyPatch, field: str, value: str, problem: str
) -> None:
    monkeypatch.setattr("ingest.models.problem_of", judge)  # without a process for each
    Pattern.objects.create(label="ORG", pattern="Bahn")
    posted = {"label": "PLACE", "pattern": "Oslo", field: value}
    page = operator.post("/admin/ingest/pattern/add/", posted).content.decode()
    assert problem in page
    assert f'id="id_{field}_error"' in page
    assert not PatternSet.objects.exists()
