"""The API over the network: short forms of `make fuzz` and `make contract`, and lines."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.client import ApiClient
from ingest.devstack import demo
from ingest.devstack.stack import EVERY_SCOPE, Stack
from ingestsite.configuration import ROOT
from tests.harness.contract import schemathesis
from tests.harness.fuzz import fuzz, running
from tests.support.apt import install

Running = tuple[Stack, ApiClient, str]


@pytest.fixture(scope="module")
def intake(emulator: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a stack, and return it with a client and a key."""
    with running(tmp_path_factory.mktemp("intake")) as (stack, client):
        key = stack.manage("api_key", "create", "lines", *EVERY_SCOPE).split()[-1]
        yield stack, client, key


def test_bad_bodies_cause_no_5xx_and_lose_no_good_post(intake: Running) -> None:
    stack, client, _ = intake
    result = fuzz(stack, client, seed=1, bodies=300, clients=4)
    assert result.requests == 300
    assert result.right
    assert result.answers[400] > 50


def test_the_api_answers_as_its_description_says(intake: Running) -> None:
    status, words = schemathesis(intake[0], examples=3, seed=1, phases="examples,fuzzing,stateful")
    assert status == 0, words
    assert "No issues found" in words


@pytest.mark.parametrize("length", ["known", "unknown"])
def test_curl_sends_lines_of_known_and_unknown_length(
    intake: Running, tmp_path: Path, length: str
) -> None:
    install("curl")
    stack, client, key = intake
    name = f"Lines of {length} length"
    lines = [json.dumps({"publication": name, "content": f"Obama {n}."}) for n in range(350)]
    (tmp_path / "posts.jsonl").write_text("\n".join(lines))
    headers = [f"Authorization: Bearer {key}", "Content-Type: application/x-ndjson"]
    if length == "unknown":
        headers.append("Transfer-Encoding: chunked")
    words = [word for header in headers for word in ("--header", header)]
    done = subprocess.run(
        ["curl", "--silent", "-X", "POST", "-T", "posts.jsonl", *words, f"{stack.url}/api/posts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    *answers, end = map(json.loads, done.stdout.splitlines())
    assert [answer["line"] for answer in answers] == list(range(1, 351))
    assert end == {"status": "end", "accepted": 350, "duplicates": 0, "refused": 0}
    demo.await_empty(client)
    assert {p["name"]: p["posts"] for p in client.publications()}[name] == 350


def test_lines_are_answered_before_the_last_line_is_sent(intake: Running) -> None:
    stack, _, key = intake
    chunk = b"".join(
        json.dumps({"publication": "Slow", "content": f"Obama {n}."}).encode() + b"\n"
        for n in range(200)
    )
    connection = http.client.HTTPConnection(stack.url.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", "/api/posts")
    connection.putheader("Authorization", f"Bearer {key}")
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    response = connection.getresponse()
    first = [json.loads(response.readline())["status"] for _ in range(100)]
    assert first == ["accepted"] * 100
    connection.send(b"0\r\n\r\n")
    assert json.loads(response.read().splitlines()[-1])["accepted"] == 200
    connection.close()


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_a_client_that_stops_sending_does_not_block_a_thread(
    intake: Running, content_type: str
) -> None:
    stack, _, key = intake
    connection = http.client.HTTPConnection(stack.url.removeprefix("http://"), timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": content_type}
    connection.request("POST", "/api/posts", b"{", {**headers, "Content-Length": "1000"})
    assert connection.getresponse().status == 400
    connection.close()


def test_the_log_contains_no_key(intake: Running) -> None:
    stack, client, key = intake
    client.status()
    log = stack.log.read_text(errors="replace")
    assert "gunicorn" in log
    assert key not in log


def _examples() -> list[tuple[str, str, str]]:
    """Return the language, the commands and the answer of each example in the docs."""
    text = "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("api.md", "client.md"))
    found = re.findall(r"```(sh|python)\n(.*?)```\s+```json\n(.*?)```", text, re.S)
    assert len(found) == text.count("```json")
    return found


def _is_like(answer: Any, documented: Any) -> bool:
    """Return whether an answer is the one in the docs, where `…` stands for any value."""
    if documented == "…":
        return True
    if isinstance(documented, dict):
        same = isinstance(answer, dict) and answer.keys() == documented.keys()
        return same and all(_is_like(answer[name], documented[name]) for name in documented)
    if isinstance(documented, list):
        return len(answer) == len(documented) and all(map(_is_like, answer, documented))
    return bool(answer == documented)


def test_the_examples_of_the_docs_get_the_answers_they_show(intake: Running) -> None:
    install("curl")
    stack, _, key = intake
    environment = {**stack.environment, "URL": stack.url, "KEY": key}
    for language, commands, documented in _examples():
        done = subprocess.run(
            [sys.executable, "-"] if language == "python" else ["bash", "-eu"],
            input=commands,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert _is_like(json.loads(done.stdout), json.loads(documented)), (commands, done.stdout)
