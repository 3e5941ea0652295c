"""Aliases in the admin."""

import pytest
from django.test import Client

from ingest.models import Alias, AliasBackfill, RulesVersion
from ingest.operations.rule_versions import newest_rules

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
    assert "0 posts seen" in operator.get("/admin/ingest/aliasbackfill/").content.decode()


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
