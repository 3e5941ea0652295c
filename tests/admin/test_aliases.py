"""Aliases in the admin."""

import pytest
from django.test import Client

from ingest.models import Alias, AliasBackfill, RulesVersion
from ingest.operations.rule_versions import newest_rules
from ingest.store import open_store
from tests.support.factories import entity, with_entities

pytestmark = pytest.mark.django_db


ALIAS = {"label": "GPE", "name": "US", "becomes": "United States", "state": "accepted"}


@pytest.mark.usefixtures("empty_broker")
@pytest.mark.django_db(transaction=True)
def test_making_changing_and_deleting_an_alias_each_start_a_backfill(operator: Client) -> None:
    page = operator.post("/admin/ingest/alias/add/", ALIAS, follow=True).content.decode()
    assert "Alias backfill of saved posts" in page
    alias = Alias.objects.get()
    assert (alias.family, alias.key) == ("PLACE", "us")
    operator.post(f"/admin/ingest/alias/{alias.pk}/change/", {**ALIAS, "becomes": ""})
    assert newest_rules().everywhere == {("PLACE", "us"): None}
    operator.post(f"/admin/ingest/alias/{alias.pk}/delete/", {"post": "yes"})
    assert newest_rules().everywhere == {}
    assert RulesVersion.objects.get().version == 3
    assert AliasBackfill.objects.count() == 3
    backfills = operator.get("/admin/ingest/aliasbackfill/").content.decode()
    assert "waits until every save worker knows the change" in backfills


@pytest.mark.usefixtures("sql_store")
@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", "...", "no letter"),
        ("name", "USA", "lead from this name back to itself"),
        ("name", "u.s.", "already"),
    ],
)
def test_an_invalid_alias_is_refused(
    operator: Client, field: str, value: str, problem: str
) -> None:
    Alias.objects.create(label="GPE", name="US", becomes="USA")
    posted = {**ALIAS, "becomes": "US", field: value}
    page = operator.post("/admin/ingest/alias/add/", posted).content.decode()
    assert problem.lower() in page.lower()
    assert Alias.objects.count() == 1


@pytest.mark.usefixtures("empty_broker", "sql_store")
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Orvel", "label": "PERSON"}, "No saved post mentions this name among People"),
        ({"publication": "The Moon"}, "There is no publication of this name"),
        ({"label": "CITY"}, "Select a valid choice"),
        ({"name": "Odin", "label": "PERSON", "becomes": "Odin"}, "like this already"),
    ],
)
def test_an_alias_that_can_do_nothing_is_refused(
    operator: Client, changes: dict[str, str], problem: str
) -> None:
    open_store().add([with_entities("1", [entity("Odin")])])
    page = operator.post("/admin/ingest/alias/add/", ALIAS | changes).content.decode()
    assert problem in page
    assert "Countries and cities" in page
    assert not Alias.objects.exists()


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
