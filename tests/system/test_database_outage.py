"""Every endpoint says within five seconds that the database does not answer."""

import json
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from django.contrib.sessions.backends.db import SessionStore

from ingest.devstack.stack import Stack
from ingestsite import configuration
from tests.support.postgresql import PostgreSQL
from tests.support.postgresql import install as install_postgresql
from tests.support.tcp_proxy import Line
from tests.support.web_server import serving

LIMIT_SECONDS = 5.5  # a slow machine answers a little later
ID = "0" * 32

ACCOUNT = """
from importlib import import_module
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
user = User.objects.create_superuser("operator", password="a long secret word")
session = SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session.create()
call_command("api_key", "create", "outage")
print(session.session_key)
"""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    """Run PostgreSQL."""
    install_postgresql()
    server = PostgreSQL()
    server.start()
    yield server
    server.end()
