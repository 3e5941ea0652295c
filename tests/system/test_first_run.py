"""`make run` as a person meets it: odd surroundings, Ctrl-C, the next start, refusals."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import requests

from ingest import samples
from ingest.client import ApiClient
from ingest.devstack import demo
from ingest.devstack.ports import free_ports
from ingest.devstack.stack import RUN, Stack, wait_until
from ingestsite.configuration import ROOT
from tests.support import postgresql, prepared
from tests.support.processes import end, living, processes, words
from tests.support.rabbitmq import RabbitMQ

POSTS = list(samples.read())[:30]
READY = "Ctrl-C processes what waits"


def announced(stack: Stack) -> None:
    """Wait until a stack says that it is ready."""
    wait_until(lambda: READY in stack.log.read_text(), seconds=60, what="the stack is ready")


def start_honcho(stack: Stack) -> "subprocess.Popen[bytes]":
    """Start the Procfile of the project, as a person does."""
    with stack.log.open("ab") as log:
        return subprocess.Popen(
            ["honcho", "--env", os.devnull, "start", "--no-colour"],
            cwd=ROOT,
            env=stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@pytest.mark.parametrize("store", ["firestore", "sql"])
def test_counts_outlive_a_stop_and_a_kill_wherever_the_folder_is(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nobody,) = free_ports(1)
    for name in ("http_proxy", "HTTP_PROXY", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{nobody}")
    folder = tmp_path / "a 'quoted' \"state\" folder"
    folder.mkdir()
    settings = {
        "INGEST_STORE": store,
        "INGEST_WEB_HOST": "::1",
        "INGEST_BROKER_PASSWORD": """a 'quoted' "pass" word \\ #1""",
        "INGEST_EXTRACT_CONCURRENCY": "2",
        "INGEST_EMULATOR_EXPORT_SECONDS": "120",
    }
    stack = Stack(folder, settings)
    client = prepared.prepare(stack)
    try:
        stack.start()
        announced(stack)
        assert f"pages: {stack.url}/" in stack.log.read_text()
        assert requests.get(f"{stack.url}/", timeout=10).status_code == 200
        demo.submit(client, POSTS)
        demo.await_empty(client)
        counts = demo.counted(client)
        assert counts
        assert stack.stop() == 0
        kept = folder / ("emulator" if store == "firestore" else "counts.sqlite3")
        summary = stack.said("drained, ")
        assert summary == f"drained, {len(POSTS)} posts saved, 0 waiting; counts kept in {kept}"
        assert processes(stack) == []

        stack.environment.pop("INGEST_STORE")  # the folder says which
        stack.start()
        assert demo.counted(client) == counts
        assert "because the counts of this state folder are in it" in stack.said("store: ")
        running = processes(stack)
        os.kill(stack.pid, signal.SIGKILL)
        stack.wait(seconds=10)
        stack.start()  # it waits for the last of the others
        assert not living(running)
        assert demo.counted(client) == counts
    finally:
        end(stack)


def test_honcho_starts_the_stack_and_its_stop_drains(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "sql", "INGEST_EXTRACT_CONCURRENCY": "1"})
    client = prepared.prepare(stack)
    honcho = start_honcho(stack)
    try:
        announced(stack)
        assert demo.submit(client, POSTS)
        honcho.send_signal(signal.SIGINT)
        honcho.wait(timeout=120)
        assert f"drained, {len(POSTS)} posts saved, 0 waiting" in stack.log.read_text()
        # From Python 3.14 on, honcho has helpers of multiprocessing, which end just after it.
        left = filter(None, map(words, processes(stack)))
        assert [line for line in left if "multiprocessing" not in line] == []
        wait_until(lambda: processes(stack) == [], seconds=10, what="the helpers have ended")
    finally:
        end(stack)


def test_a_killed_honcho_takes_the_stack_along(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "null", "INGEST_EXTRACT_CONCURRENCY": "1"})
    prepared.prepare(stack)
    honcho = start_honcho(stack)
    try:
        announced(stack)
        honcho.kill()
        honcho.wait(timeout=10)
        wait_until(lambda: processes(stack) == [], seconds=60, what="all processes have ended")
    finally:
        end(stack)


def test_a_second_start_in_the_folder_changes_nothing_of_the_first(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "null", "INGEST_EXTRACT_CONCURRENCY": "1"})
    client = prepared.prepare(stack)
    try:
        stack.start()
        second = run(stack)
        assert second.returncode == 1
        assert f"process {stack.pid}, pages on {stack.url}/" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        assert demo.submit(client, POSTS[:1])
    finally:
        end(stack)


def test_a_port_that_is_taken_is_named_with_its_owner(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "null"})
    port = int(stack.environment["INGEST_BROKER_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        done = run(stack)
    assert done.returncode == 1
    name = psutil.Process().name()
    assert done.stderr == (
        f"INGEST_BROKER_PORT: port {port} of 127.0.0.1 is taken by process {os.getpid()} ({name}); "
        "choose another.\n"
    )


def test_a_missing_model_ends_the_start_with_one_sentence(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "null", "INGEST_MODEL": "no_such_model"})
    done = run(stack)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr == (
        "INGEST_MODEL: 'no_such_model' is neither an installed package nor a folder with a spaCy "
        "model.\n"
    )


def run(stack: Stack) -> "subprocess.CompletedProcess[str]":
    """Start a stack that cannot start."""
    return subprocess.run(
        [*RUN, "--env", os.devnull],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_key_is_shown_once_in_the_last_lines(tmp_path: Path) -> None:
    stack = Stack(tmp_path, {"INGEST_STORE": "null", "INGEST_EXTRACT_CONCURRENCY": "1"})
    try:
        stack.start()
        announced(stack)
        last = [line.split(" | ", 1)[-1] for line in stack.log.read_text().splitlines()]
        (key_line,) = [line for line in last if "shown only once: ing_" in line]
        client = ApiClient(stack.url, key_line.split()[-1])
        assert demo.submit(client, POSTS[:1])
    finally:
        end(stack)


def test_wrong_passwords_end_the_start_with_one_sentence(
    tmp_path: Path, rabbitmq: RabbitMQ
) -> None:
    with postgresql.running() as server:
        url, given = server.new_database(), quote("wrong 'pass\"word", safe="")
        wrong = {
            "INGEST_BROKER_URL": rabbitmq.new_host().replace(":guest@", f":{given}@"),
            "INGEST_DATABASE_URL": url.replace(f":{postgresql.PASSWORD}@", f":{given}@"),
        }
        said = {
            "INGEST_BROKER_URL": "the broker refuses the user, password or virtual host.",
            "INGEST_DATABASE_URL": "password authentication failed",
        }
        for name, setting in wrong.items():
            done = run(Stack(_new(tmp_path / name), {"INGEST_STORE": "null", name: setting}))
            assert done.returncode == os.EX_CONFIG
            assert said[name] in done.stderr
            assert len(done.stderr.splitlines()) == 1
            assert "wrong" not in done.stderr


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder
