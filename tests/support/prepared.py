"""
Migrated databases and an API key, made once in a process and copied for each stack.

A migration of an empty database takes seconds of processor time, and its result is always the same.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from ingest.client import ApiClient
from ingest.devstack.stack import EVERY_SCOPE, Stack

DATABASES = "*.sqlite3*"


def migrate(stack: Stack) -> None:
    """Do what `ingest migrate` does to a stack whose databases are empty."""
    if "INGEST_DATABASE_URL" in stack.environment:
        stack.manage("migrate", "--verbosity", "0")
    else:
        _copy(_migrated(), stack.folder)


def prepare(stack: Stack) -> ApiClient:
    """Do what `Stack.prepare` does to a stack whose databases are empty."""
    if "INGEST_DATABASE_URL" in stack.environment:
        return stack.prepare()
    folder, key = _with_key()
    _copy(folder, stack.folder)
    return ApiClient(stack.url, key)


@cache
def _migrated() -> Path:
    stack = _new_stack()
    stack.manage("migrate", "--verbosity", "0")
    return stack.folder


@cache
def _with_key() -> tuple[Path, str]:
    stack = _new_stack()
    migrate(stack)
    key = stack.manage("api_key", "create", "stack", *EVERY_SCOPE).split()[-1]
    return stack.folder, key


def _new_stack() -> Stack:
    folder = Path(tempfile.mkdtemp(prefix="ingest-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Stack(folder)


def _copy(folder: Path, target: Path) -> None:
    for file in folder.glob(DATABASES):
        shutil.copy(file, target)
