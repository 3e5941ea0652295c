"""Programs with a command of their own, which run a whole stack and measure or disturb it."""

import os

import django

import tests.environment  # noqa: F401  (it chooses the ports before a setting is read)

# A judge reads the store in SQL by Django's models.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingestsite.settings")
django.setup()
