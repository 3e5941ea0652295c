"""The format of log lines, which never have the text of a post."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

JSON = {"INGEST_LOG_FORMAT": "json"}

SAY = """
import logging
import django
django.setup()
from celery.worker.consumer.consumer import UNKNOWN_TASK_ERROR
from structlog import get_logger
from ingest.core.messages import ExtractMessage

get_logger().info("saved", posts={"r": ["p"]})
get_logger().debug("small")
logging.getLogger("kombu").warning("%s is away", "the broker")
logging.getLogger("celery.pool").debug("args: %s", "SECRET")
logging.getLogger("celery.worker.consumer.consumer").error(UNKNOWN_TASK_ERROR, *["SECRET"] * 4)

def work(text):
    ExtractMessage.read({"posts": [{"content": text, "strange": text}]})

try:
    work("SEC" + "RET")
except ValueError:
    get_logger().exception("failed")
    logging.getLogger("django").exception("failed there")
"""


def lines(folder: Path, **settings: str) -> list[str]:
    """Return the log lines of a process."""
    environment = {
        "PATH": os.environ["PATH"],
        "INGEST_STATE_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "ingestsite.settings",
        **settings,
    }
    command = [sys.executable, "-c", SAY]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_each_line_is_json_for_machines(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = [json.loads(line) for line in lines(tmp_path, **JSON)]
    assert [(line["level"], line["event"]) for line in said] == [
        ("info", "saved"),
        ("warning", "the broker is away"),
        ("error", "refused a message of an unknown task or format"),
        ("error", "failed"),
        ("error", "failed there"),
    ]
    assert said[0]["posts"] == {"r": ["p"]}
    assert all(line["timestamp"].endswith("Z") and line["pid"] for line in said)
    assert "in work" in said[3]["exception"]


def test_a_line_is_readable_for_people(tmp_path: Path) -> None:
    said = lines(tmp_path)
    assert said[0].split("] ")[1].startswith("saved posts={'r': ['p']}")
    assert "Traceback (most recent call last):" in said


@pytest.mark.parametrize("format_", ["json", "text"])
def test_no_line_has_the_text_of_a_post(tmp_path: Path, format_: str) -> None:
    said = lines(tmp_path, INGEST_LOG_FORMAT=format_, INGEST_LOG_LEVEL="DEBUG")
    assert any("small" in line for line in said)
    assert not any("SECRET" in line for line in said)


def test_the_level_is_a_setting(tmp_path: Path) -> None:
    said = [json.loads(line)["level"] for line in lines(tmp_path, **JSON, INGEST_LOG_LEVEL="ERROR")]
    assert set(said) == {"error"}
