"""Deliveries: signed, repeated until they are answered, and never into our own network."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ingest.models import Event, EventDelivery, Webhook
from ingest.notify import delivery
from ingest.notify.delivery import AddressRefused, deliver_due, public_address
from tests.support.clients import keyed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgotten_keys")]


class Receiver:
    """A receiver of webhooks, whose next answers a test chooses."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.release = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 0:  # too slow
                    receiver.release.wait(30)
                    return
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Return a receiver on this machine, which the settings allow."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.5)
    receiver = Receiver()
    yield receiver
    receiver.release.set()
    receiver.server.shutdown()
    receiver.server.server_close()


def waiting(url: str) -> EventDelivery:
    """Return a delivery that is due."""
    hook = Webhook.objects.create(url=url, events=["post.saved"])
    event = Event.objects.create(pk="e" * 32, type="post.saved", data={"id": "1"})
    return EventDelivery.objects.create(event=event, webhook=hook)


def make_due(row: EventDelivery) -> None:
    """Let the pause after a failed attempt pass."""
    EventDelivery.objects.filter(pk=row.pk).update(next_at=timezone.now() - timedelta(seconds=1))


def test_a_message_is_signed_after_standard_webhooks(receiver: Receiver) -> None:
    row = waiting(receiver.url)
    assert deliver_due() == 1
    ((headers, body),) = receiver.got
    key = base64.b64decode(row.webhook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "e" * 32
    assert json.loads(body)["type"] == "post.saved"
    row.refresh_from_db()
    assert (row.state, row.status, row.answer) == ("delivered", 200, "ok")
    assert deliver_due() == 0


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the specification's reference libraries."""
    body = '{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105
    signature = delivery.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_that_fails_is_slow_redirects_and_comes_back_gets_the_event_once_more(
    receiver: Receiver,
) -> None:
    row = waiting(receiver.url)
    receiver.answers = [500, 0, 302]
    seen = []
    for _ in range(3):
        assert deliver_due() == 1
        row.refresh_from_db()
        seen.append((row.state, row.status))
        assert deliver_due() == 0, "it is tried again only after a pause"
        make_due(row)
    assert seen == [("waiting", 500), ("waiting", None), ("waiting", 302)]
    assert deliver_due() == 1
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("delivered", 4)
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {"e" * 32}
    assert len(receiver.got) == 4, "a redirect was followed"


def test_a_delivery_of_a_killed_process_is_taken_by_another(receiver: Receiver) -> None:
    row = waiting(receiver.url)
    EventDelivery.objects.filter(pk=row.pk).update(
        next_at=timezone.now() + delivery.CLAIM, attempts=1
    )
    assert deliver_due() == 0
    make_due(row)
    assert deliver_due() == 1


def test_a_receiver_that_is_gone_gets_nothing_more_and_a_replay_delivers(
    receiver: Receiver,
) -> None:
    row = waiting(receiver.url)
    receiver.answers = [410]
    deliver_due()
    row.refresh_from_db()
    assert row.state == "failed"
    assert not Webhook.objects.get().is_active
    assert deliver_due() == 0
    Webhook.objects.update(is_active=True)
    assert delivery.replay(EventDelivery.objects.all()) == 1
    deliver_due()
    row.refresh_from_db()
    assert row.state == "delivered"


def test_a_delivery_is_given_up_after_the_last_pause(receiver: Receiver) -> None:
    row = waiting(receiver.url)
    EventDelivery.objects.filter(pk=row.pk).update(attempts=len(delivery.PAUSES))
    receiver.answers = [500]
    deliver_due()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failed", len(delivery.PAUSES) + 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/",
        "https://127.0.0.1/",
        "https://localhost:8400/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://user:secret@93.184.215.14/",
        "ftp://93.184.215.14/",
        "https:///",
    ],
)
def test_an_address_that_is_not_public_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        public_address(url)
    row = waiting(url)
    deliver_due()
    row.refresh_from_db()
    assert row.status is None
    client: Client = keyed(["submit"])
    wanted = {"url": url, "events": ["post.saved"]}
    answer = client.post("/api/webhooks", wanted, content_type="application/json")
    assert answer.status_code == 422


def test_a_public_address_is_allowed() -> None:
    assert public_address("https://93.184.215.14/hook") == "93.184.215.14"


def test_a_key_makes_sees_and_deletes_its_own_webhooks(receiver: Receiver) -> None:
    client = keyed(["submit"])
    wanted = {"url": receiver.url, "events": ["post.saved"]}
    made = client.post("/api/webhooks", wanted, content_type="application/json").json()
    assert made["secret"].startswith("whsec_")
    url = f"/api/webhooks/{made['id']}"
    event = Event.objects.create(pk="f" * 32, type="post.saved", data={"id": "1"})
    EventDelivery.objects.create(event=event, webhook_id=made["id"])
    receiver.answers = [410]
    deliver_due()
    (shown,) = client.get(url).json()["deliveries"]
    assert (shown["state"], shown["status"], shown["event"]) == ("failed", 410, "f" * 32)
    assert client.post(url).json() == {"replayed": 1}
    assert "secret" not in client.get("/api/webhooks").json()["webhooks"][0]
    assert keyed(["submit"]).get(url).status_code == 404
    assert client.delete(url).status_code == 204
    assert not EventDelivery.objects.exists()
