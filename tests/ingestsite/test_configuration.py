"""The environment is read once, and a bad value stops the process."""

import ast
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.files import others_may_read

ROOT = Path(__file__).parent.parent.parent
SERVER, CLIENT = "ingestsite.configuration", "ingest.loader.environment"


def read(
    folder: Path,
    environment: dict[str, str],
    name: str = "BROKER_URL",
    *,
    module: str = SERVER,
) -> tuple[int, str]:
    """Read one setting in its own process; return the exit status and the output."""
    code = f"from {module} import {name}; print({name})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "INGEST_STATE_DIR": str(folder), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout or done.stderr).strip()


PRODUCTION = {
    "INGEST_PRODUCTION": "on",
    "INGEST_SECRET_KEY": "secret-key" * 5,
    "INGEST_FLOWER_PASSWORD": "flower-password-" * 2,
    "INGEST_BROKER_URL": "amqp://user:secret@rabbit:5672/ingest",
    "INGEST_FIRESTORE_PROJECT": "newsroom",
}


def test_models_are_named_by_language(tmp_path: Path) -> None:
    environment = {"INGEST_MODELS": "de=de_core_news_sm fr=/models/a=b"}
    expected = {"de": "de_core_news_sm", "fr": "/models/a=b"}
    assert read(tmp_path, environment, "MODELS") == (0, str(expected))


def test_everything_listens_on_loopback_by_default(tmp_path: Path) -> None:
    assert read(tmp_path, {}, "WEB_HOST") == (0, "127.0.0.1")
    assert "@127.0.0.1:8401/0" in read(tmp_path, {})[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INGEST_WEB_PORT", "http"),
        ("INGEST_WEB_PORT", "70000"),
        ("INGEST_WEB_PORT", "-1"),
        ("INGEST_STORE", "mysql"),
        ("INGEST_PRODUCTION", "yes"),
        ("INGEST_LOG_LEVEL", "LOUD"),
        ("INGEST_BROKER_URL", "sqs://"),
        ("INGEST_MERGE_SECONDS", "21"),
        ("INGEST_MODELS", "de"),
        ("INGEST_MODELS", "German=de_core_news_sm"),
        ("INGEST_MODELS", "de=one de=two"),
        ("INGEST_OTHER_LANGUAGES", "english"),
        ("INGEST_DATABASE_URL", "mysql://user:secret@host/ingest"),
        ("INGEST_DATABASE_URL", "postgresql://user:secret@host"),
        ("INGEST_DATABASE_URL", "postgresql://user:secret@host/ingest?ssl=on"),
        ("INGEST_SECRET_KEY", ""),
        ("INGEST_SECRET_KEY", "short"),
    ],
)
def test_a_bad_value_stops_the_process(tmp_path: Path, name: str, value: str) -> None:
    if name == "INGEST_BROKER_URL":
        assert read(tmp_path, {name: value})[0] == 1
    status, words = read(tmp_path, {name: value})
    assert status == 1
    assert words.startswith(name)
    assert len(words.splitlines()) == 1
    assert "secret@" not in words


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@host:6379/0",
        "rediss://:secret@host:6379?ssl_cert_reqs=required",
        "redis+socket:///run/valkey.sock",
        "sentinel://:secret@one:26379/0;sentinel://two",
        "amqps://user:secret@host/ingest",
        "amqp://user:secret@one//;amqp://user:secret@two//",
    ],
)
def test_every_kind_of_broker_is_accepted(tmp_path: Path, url: str) -> None:
    environment = {"INGEST_BROKER_URL": url, "INGEST_BROKER_MASTER": "mymaster"}
    assert read(tmp_path, environment) == (0, url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://user:secret@host", "must be a URL that begins with one of"),
        ("redis://:secret@host:port/0", "has no readable host and port"),
        ("redis://:secret@host:70000/0", "has no readable host and port"),
        ("redis://:sec/ret@host:6379/0", "has no readable host and port"),
        ("redis://:secret@/0", "names no host"),
        ("redis:///0", "names no host"),
        ("rediss://:secret@host/posts", "must end with the number of a database"),
        ("redis+socket://", "must name a file"),
        ("redis+socket://host/run/valkey.sock", "must name a file"),
        ("redis://:secret@one/0;redis://:secret@two/0", "may name several servers only with"),
        ("amqp://user:secret@one;sentinel://two", "may name several servers only with"),
        ("amqp://user:secret@one;amqp://user:secret@two:x", "has no readable host and port"),
    ],
)
def test_a_broker_that_cannot_be_meant_is_one_sentence_without_the_password(
    tmp_path: Path, url: str, problem: str
) -> None:
    status, words = read(tmp_path, {"INGEST_BROKER_URL": url})
    assert status == 1
    assert words.startswith(f"INGEST_BROKER_URL {problem}")
    assert len(words.splitlines()) == 1
    assert "secret" not in words
    assert "ret@" not in words


def test_sentinel_needs_the_name_of_its_servers(tmp_path: Path) -> None:
    status, words = read(tmp_path, {"INGEST_BROKER_URL": "sentinel://host"})
    assert (status, words.split()[0]) == (1, "INGEST_BROKER_MASTER")


def test_production_starts_with_everything_it_needs(tmp_path: Path) -> None:
    assert read(tmp_path, PRODUCTION) == (0, PRODUCTION["INGEST_BROKER_URL"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["INGEST_SECRET_KEY", "INGEST_FLOWER_PASSWORD", "INGEST_FIRESTORE_PROJECT"]
)
def test_production_generates_no_secret(tmp_path: Path, name: str) -> None:
    status, words = read(tmp_path, {n: v for n, v in PRODUCTION.items() if n != name})
    assert status == 1
    assert words.startswith(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INGEST_SECRET_KEY", "s" * 60),
        ("INGEST_SECRET_KEY", "abcabc1" * 10),
        ("INGEST_FLOWER_PASSWORD", "1" * 20),
        ("INGEST_BROKER_URL", "amqp://guest:guest@rabbit:5672//"),
        ("INGEST_BROKER_URL", "amqp://rabbit//"),
        ("INGEST_BROKER_URL", "amqps://guest@10.0.0.7//"),
        ("INGEST_BROKER_URL", "redis://10.0.0.7:6379/0"),
        ("INGEST_BROKER_URL", "redis://user@valkey/0"),
        ("INGEST_STORE", "null"),
    ],
)
def test_production_refuses_what_everyone_knows_and_what_keeps_nothing(
    tmp_path: Path, name: str, value: str
) -> None:
    status, words = read(tmp_path, {**PRODUCTION, name: value})
    assert status == 1
    assert words.startswith(name)
    assert len(words.splitlines()) == 1
    assert value not in words


@pytest.mark.parametrize(
    "url",
    [
        "amqp://guest:guest@127.0.0.1:5672//",
        "redis://localhost:6379/0",
        "redis://:secret@10.0.0.7:6379/0",
        "amqp://guest:changed@rabbit//",
    ],
)
def test_production_takes_a_broker_of_this_machine_or_with_a_password(
    tmp_path: Path, url: str
) -> None:
    assert read(tmp_path, {**PRODUCTION, "INGEST_BROKER_URL": url}) == (0, url)


def test_only_the_owner_can_read_the_state(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)  # as an earlier version made it
    code = "from ingest.observability import metric_slots; metric_slots.take_role('web')"
    for command in (["migrate", "--verbosity", "0"], ["shell", "--no-imports", "-c", code]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            env={"PATH": os.environ["PATH"], "INGEST_STATE_DIR": str(folder)},
            cwd=ROOT,
            check=True,
            umask=0o022,
        )
    assert {"ingest.sqlite3", "metrics", "secret_key"} <= {path.name for path in folder.iterdir()}
    assert others_may_read(folder) == []


def test_production_passes_django_s_deployment_checks(tmp_path: Path) -> None:
    secret = "".join(map(chr, range(ord("0"), ord("0") + 60)))
    environment = {**PRODUCTION, "INGEST_SECRET_KEY": secret, "INGEST_ALLOWED_HOSTS": "news.test"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={"PATH": os.environ["PATH"], "INGEST_STATE_DIR": str(tmp_path), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("environment", "who"),
    [
        ({}, "public"),
        ({"INGEST_PAGES": "login"}, "login"),
        ({"INGEST_WEB_HOST": "0.0.0.0"}, "login"),  # noqa: S104
        ({"INGEST_ALLOWED_HOSTS": "news.example"}, "login"),
        (PRODUCTION, "login"),
        ({**PRODUCTION, "INGEST_PAGES": "public"}, "public"),
    ],
)
def test_pages_are_public_only_where_no_other_machine_reaches_them(
    tmp_path: Path, environment: dict[str, str], who: str
) -> None:
    assert read(tmp_path, environment, "PAGES") == (0, who)


@pytest.mark.parametrize(
    ("environment", "who"),
    [
        ({}, "optional"),
        ({"INGEST_MFA": "required"}, "required"),
        (PRODUCTION, "required"),
        ({**PRODUCTION, "INGEST_MFA": "optional"}, "optional"),
    ],
)
def test_production_requires_second_factors(
    tmp_path: Path, environment: dict[str, str], who: str
) -> None:
    assert read(tmp_path, environment, "MFA") == (0, who)


def test_pages_do_not_become_public_beyond_this_machine_by_mistake(tmp_path: Path) -> None:
    open_ = {"INGEST_PAGES": "public", "INGEST_WEB_HOST": "0.0.0.0"}  # noqa: S104
    status, words = read(tmp_path, open_, "PAGES")
    assert status == 1
    assert words.startswith("INGEST_PAGES")


def test_production_refuses_the_emulator(tmp_path: Path) -> None:
    status, words = read(tmp_path, {**PRODUCTION, "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"})
    assert status == 1
    assert words.startswith("FIRESTORE_EMULATOR_HOST")


def test_a_generated_secret_is_kept_and_private(tmp_path: Path) -> None:
    first = read(tmp_path, {}, "SECRET_KEY")
    assert first == read(tmp_path, {}, "SECRET_KEY")
    assert len(first[1]) >= 40
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_database_has_the_parameters_of_its_url(tmp_path: Path) -> None:
    url = "postgresql://us%40er:secret@data.test:5433/ingest?sslmode=verify-full"
    status, words = read(tmp_path, {"INGEST_DATABASE_URL": url}, "DATABASE")
    parts = ("us@er", "secret", "ingest", "data.test", "5433", "verify-full")
    assert (status, sorted(ast.literal_eval(words).values())) == (0, sorted(parts))
    assert read(tmp_path, {"INGEST_DATABASE_URL": ""}, "DATABASE") == (0, "{}")


SECRETS = {
    "INGEST_SECRET_KEY": "k" * 50,
    "INGEST_FLOWER_PASSWORD": "f" * 16,
    "INGEST_BROKER_PASSWORD": "b" * 16,
    "INGEST_BROKER_URL": "redis://:secret@broker.test:6379/0",
    "INGEST_DATABASE_URL": "postgresql://user:secret@data.test/ingest",
}


def read_secret(
    folder: Path, name: str, environment: dict[str, str], *, module: str = SERVER
) -> tuple[int, str]:
    """Read the setting that a secret becomes."""
    setting = {"INGEST_DATABASE_URL": "DATABASE"}.get(name, name.removeprefix("INGEST_"))
    return read(folder, environment, setting, module=module)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["no end", "newline", "CR LF"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_come_from_a_file(tmp_path: Path, name: str, end: str) -> None:
    file = tmp_path / "given"
    file.write_bytes(f"{SECRETS[name]}{end}".encode())
    given = read_secret(tmp_path, name, {name: SECRETS[name]})
    assert read_secret(tmp_path, name, {f"{name}_FILE": str(file)}) == given
    assert read_secret(tmp_path, name, {name: "", f"{name}_FILE": str(file)}) == given
    assert given[0] == 0


def test_production_takes_its_secrets_from_files(tmp_path: Path) -> None:
    environment = dict(PRODUCTION)
    for name in ("INGEST_SECRET_KEY", "INGEST_FLOWER_PASSWORD", "INGEST_BROKER_URL"):
        file = tmp_path / name
        file.write_text(f"{environment.pop(name)}\n")
        environment[f"{name}_FILE"] = str(file)
    state = tmp_path / "state"
    assert read(state, environment) == (0, PRODUCTION["INGEST_BROKER_URL"])
    assert not state.exists()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_given_twice(tmp_path: Path, name: str) -> None:
    file = tmp_path / "given"
    file.write_text(SECRETS[name])
    environment = {name: SECRETS[name], f"{name}_FILE": str(file)}
    words = f"{name} and {name}_FILE are both set: only one may be."
    assert read_secret(tmp_path, name, environment) == (1, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "names a file that cannot be read: No such file or directory."),
        (b"", "names a file that is empty."),
        (b"\n", "names a file that is empty."),
        (b"hunter2\xff", "names a file that is not text in UTF-8."),
    ],
    ids=["missing", "empty", "only a newline", "not text"],
)
@pytest.mark.parametrize("name", SECRETS)
def test_a_file_that_gives_no_secret_stops_the_process(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    file = tmp_path / "given"
    if content is not None:
        file.write_bytes(content)
    expected = (1, f"{name}_FILE {words}")
    assert read_secret(tmp_path, name, {f"{name}_FILE": str(file)}) == expected


def test_a_folder_or_an_empty_name_is_no_file(tmp_path: Path) -> None:
    name = "INGEST_SECRET_KEY_FILE"
    words = f"{name} names a file that cannot be read: Is a directory."
    assert read(tmp_path, {name: str(tmp_path)}) == (1, words)
    assert read(tmp_path, {name: ""}) == (1, f"{name} is set, but names no file.")


@pytest.mark.parametrize("password", ["hun/ter2", "hun?ter2", "hun#ter2", "7/ter2", "7?ter2"])
@pytest.mark.parametrize("url", ["amqp://user:{}@host", "redis://:{}@host:6379/0"])
def test_a_broker_s_password_must_be_escaped(tmp_path: Path, url: str, password: str) -> None:
    words = (
        "INGEST_BROKER_URL has no readable host and port: "
        "write / ? # @ in a password as %2F %3F %23 %40."
    )
    assert read(tmp_path, {"INGEST_BROKER_URL": url.format(password)}) == (1, words)
    escaped = url.format(quote(password, safe=""))
    assert read(tmp_path, {"INGEST_BROKER_URL": escaped}) == (0, escaped)


def test_a_database_may_have_several_hosts(tmp_path: Path) -> None:
    url = "postgresql://user:secret@one:5433,two:5434/ingest"
    status, words = read(tmp_path, {"INGEST_DATABASE_URL": url}, "DATABASE")
    assert status == 0
    assert ast.literal_eval(words)["host"] == "one,two"


@pytest.mark.parametrize("by", ["value", "file"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INGEST_SECRET_KEY", "hunter2"),
        ("INGEST_FLOWER_PASSWORD", "hunter2"),
        ("INGEST_BROKER_PASSWORD", "hunter2"),
        ("INGEST_BROKER_URL", "sqs://user:hunter2@host"),
        ("INGEST_BROKER_URL", "redis://:hunter2@[host"),
        # Python's error for such a host shows the rest of the URL.
        ("INGEST_BROKER_URL", "redis://:hunter2@ho\u2100st"),
        ("INGEST_DATABASE_URL", "mysql://user:hunter2@host/ingest"),
        ("INGEST_DATABASE_URL", "postgresql://user:hunter2@host"),
        ("INGEST_DATABASE_URL", "postgresql://user:hunter2@host:port/ingest?ssl=on"),
        ("INGEST_DATABASE_URL", "postgresql://user:hunter2@ho\u2100st/ingest"),
    ],
)
def test_no_error_shows_a_secret(tmp_path: Path, name: str, value: str, by: str) -> None:
    environment = {name: value}
    if by == "file":
        (tmp_path / "given").write_text(value, "utf-8")
        environment = {f"{name}_FILE": str(tmp_path / "given")}
    status, words = read_secret(tmp_path, name, environment)
    assert (status, len(words.splitlines())) == (1, 1)
    assert words.startswith(f"{name} ")
    assert "hunter2" not in words


def test_a_client_s_key_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    name = "INGEST_KEY_FILE"

    def key(**environment: str) -> tuple[int, str]:
        return read_secret(tmp_path, "INGEST_KEY", environment, module=CLIENT)

    assert key() == (0, "")
    assert key(INGEST_KEY_FILE=str(file)) == (1, f"{name} names a file that cannot be read.")
    file.write_text("\n")
    assert key(INGEST_KEY_FILE=str(file)) == (1, f"{name} names a file that is empty.")
    file.write_text("ing_hunter2\n")
    assert key(INGEST_KEY_FILE=str(file)) == (0, "ing_hunter2")
    words = f"INGEST_KEY and {name} are both set: only one may be."
    assert key(INGEST_KEY_FILE=str(file), INGEST_KEY="ing_hunter3") == (1, words)


SOURCES = (
    "ingestsite/configuration.py",
    "ingest/loader/environment.py",
    "ingest/devstack/Procfile",
)


def test_the_table_of_settings_names_each_of_them() -> None:
    code = "".join((ROOT / name).read_text("utf-8") for name in SOURCES)
    read_here = set(re.findall(r"\b(INGEST_[A-Z_]+)\b", code))
    table = set(
        re.findall(
            r"^\| `(INGEST_[A-Z_]+)`", (ROOT / "docs/configuration.md").read_text("utf-8"), re.M
        )
    )
    assert read_here == table


def test_other_origins_are_off_by_default_and_answered_first(tmp_path: Path) -> None:
    module = "ingestsite.settings"
    assert "corsheaders" not in read(tmp_path, {}, "MIDDLEWARE", module=module)[1]
    origins = {"INGEST_CORS_ORIGINS": "https://a.example, http://localhost:3000"}
    assert (
        read(tmp_path, origins, "CORS_ORIGINS")[1]
        == "['https://a.example', 'http://localhost:3000']"
    )
    status, middleware = read(tmp_path, origins, "MIDDLEWARE", module=module)
    assert status == 0
    assert middleware.startswith("['corsheaders.middleware.CorsMiddleware'")


@pytest.mark.parametrize("origin", ["*", "example.org", "https://a.example/app", "null"])
def test_an_origin_that_is_none_is_refused(tmp_path: Path, origin: str) -> None:
    status, words = read(tmp_path, {"INGEST_CORS_ORIGINS": origin}, "CORS_ORIGINS")
    assert status == 1
    assert words.startswith("INGEST_CORS_ORIGINS must have origins such as")


def machine(folder: Path, *, java: bool, jar: bool) -> dict[str, str]:
    """Return the environment of a user on a machine with or without Java and the emulator."""
    home = folder / "home"
    if java:
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "java").touch(0o700)
    path = home / "emulator.jar"
    if jar:
        home.mkdir(exist_ok=True)
        path.touch()
    return {"HOME": str(home), "PATH": str(home / "bin"), "INGEST_EMULATOR_JAR": str(path)}


JAVA_AND_JAR = {"java": True, "jar": True}


@pytest.mark.parametrize(
    ("has", "settings", "chosen", "reason"),
    [
        (JAVA_AND_JAR, {}, "firestore", "Java and Google's emulator are on this machine"),
        ({"java": False, "jar": True}, {}, "sql", "Java is not on this machine"),
        ({"java": True, "jar": False}, {}, "sql", "emulator is not on this machine"),
        (JAVA_AND_JAR, {"INGEST_STORE": "sql"}, "sql", "INGEST_STORE names it"),
        ({}, {"INGEST_STORE": "firestore"}, "firestore", "INGEST_STORE names it"),
        ({}, {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:9"}, "firestore", "names an emulator"),
        # As a parent process leaves it, which read the settings too.
        ({}, {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8402"}, "sql", "Java is not on this machine"),
        ({}, PRODUCTION, "firestore", "INGEST_PRODUCTION is on"),
    ],
)
def test_the_store_is_what_the_machine_has(
    tmp_path: Path, has: dict[str, bool], settings: dict[str, str], chosen: str, reason: str
) -> None:
    environment = {**machine(tmp_path, **{"java": False, "jar": False, **has}), **settings}
    assert read(tmp_path, environment, "STORE") == (0, chosen)
    assert reason in read(tmp_path, environment, "STORE_REASON")[1]


def test_the_store_of_a_state_folder_stays_when_the_machine_changes(tmp_path: Path) -> None:
    without = machine(tmp_path, java=False, jar=False)
    assert read(tmp_path, without, "STORE") == (0, "sql")
    (tmp_path / "store").write_text("sql\n")
    with_both = machine(tmp_path, java=True, jar=True)
    assert read(tmp_path, with_both, "STORE") == (0, "sql")
    assert read(tmp_path, {**with_both, "INGEST_STORE": "firestore"}, "STORE") == (0, "firestore")
    (tmp_path / "store").write_text("torn")
    assert read(tmp_path, with_both, "STORE") == (0, "firestore")


@pytest.mark.parametrize("home", ["", "/nonexistent", None])
def test_a_user_without_a_home_folder_gets_a_store(tmp_path: Path, home: str | None) -> None:
    environment = {"PATH": "/nowhere"} if home is None else {"PATH": "/nowhere", "HOME": home}
    assert read(tmp_path, environment, "STORE") == (0, "sql")


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("", "127.0.0.1,::1,[::1],localhost"),
        ("news.test, ::1", "news.test,::1,127.0.0.1,"),
        ("*", "*"),
    ],
)
def test_this_machine_is_reached_without_a_proxy(tmp_path: Path, given: str, seen: str) -> None:
    code = (
        "import os, ingestsite.configuration; print(os.environ['no_proxy'], os.environ['NO_PROXY'])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "INGEST_STATE_DIR": str(tmp_path), "NO_PROXY": given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert printed[0] == printed[1]
    assert printed[0].startswith(seen)


def test_the_address_of_the_pages_is_one_that_a_browser_opens(tmp_path: Path) -> None:
    for host, url in (
        ("::1", "http://[::1]:8400/"),
        ("0.0.0.0", "http://127.0.0.1:8400/"),  # noqa: S104
        ("127.0.0.1", "http://127.0.0.1:8400/"),
    ):
        assert read(tmp_path, {"INGEST_WEB_HOST": host}, "WEB_URL") == (0, url)
    assert read(tmp_path, {"INGEST_WEB_HOST": "::1"}, "PAGES") == (0, "public")
