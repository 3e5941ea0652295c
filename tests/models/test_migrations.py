"""The migrations make the tables that the models describe."""

import pytest
from django.conf import settings
from django.core.management import call_command


@pytest.mark.django_db(databases=["default", settings.COUNTS_DATABASE])
def test_no_model_has_changed_since_its_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)  # exits if one has
