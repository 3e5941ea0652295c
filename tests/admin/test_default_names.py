"""The default names in the admin."""

import pytest
from django.test import Client

from ingest.core.aliases import Replacement
from ingest.models import AliasBackfill, AuditEntry, DefaultNameSet
from ingest.operations.rule_versions import newest_rules


@pytest.mark.usefixtures("empty_broker")
@pytest.mark.django_db(transaction=True)
def test_an_operator_switches_a_set_and_saved_posts_follow(operator: Client) -> None:
    demonyms, _ = DefaultNameSet.objects.get_or_create(name="demonyms", defaults={"is_on": False})
    version = newest_rules().version
    assert ("GROUP", "french") not in newest_rules().table("The Gazette")
    address = f"/admin/ingest/defaultnameset/{demonyms.pk}/change/"
    assert "Frenchman" in operator.get(address).content.decode()
    operator.post(address, {"is_on": "on"})
    assert newest_rules().version == version + 1
    assert newest_rules().table("The Gazette")["GROUP", "french"] == Replacement("France", "GPE")
    assert AliasBackfill.objects.get().publication == ""
    assert AuditEntry.objects.filter(target__contains="Demonyms").exists()
