"""Programs that run in the environment of a stack, beside the test."""

import subprocess
import sys

from ingest.devstack.stack import Stack
from ingestsite.configuration import ROOT


def start(stack: Stack, code: str) -> "subprocess.Popen[str]":
    """Start a program that uses the project, with pipes to and from it."""
    return subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        cwd=ROOT,
        env={**stack.environment, "DJANGO_SETTINGS_MODULE": "ingestsite.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
