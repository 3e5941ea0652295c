"""
Reading the environment: each function returns the value of a variable, or refuses it.

A bad value stops the process with one sentence that names the variable.
"""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit


class BadSetting(SystemExit):
    """A setting in the environment has a bad value."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")


def read_text(name: str, default: str) -> str:
    """Return the value of a variable, or the default where it is empty."""
    return os.environ.get(name) or default


def read_given_secret(name: str) -> str | None:
    """Return a secret from the environment or from the file that NAME_FILE names, else None."""
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
    except UnicodeDecodeError:  # its message would show the content
        raise BadSetting(file, "names a file that is not text in UTF-8.") from None
    if not secret:
        raise BadSetting(file, "names a file that is empty.")
    return secret


def read_whole(name: str, default: int, *, minimum: int = 1, maximum: int = 2**31) -> int:
    """Return a whole number within limits."""
    text = read_text(name, str(default))
    if not text.isdecimal() or not minimum <= int(text) <= maximum:
        raise BadSetting(name, f"must be a whole number from {minimum} to {maximum}, not {text!r}.")
    return int(text)


def read_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """Return one of the choices."""
    text = read_text(name, default)
    if text not in choices:
        raise BadSetting(name, f"must be one of {', '.join(choices)}, not {text!r}.")
    return text


def read_switch(name: str, default: str) -> bool:
    """Return whether a switch is on."""
    return read_choice(name, default, ("on", "off")) == "on"


def read_words(name: str, default: str) -> list[str]:
    """Return words that blanks or commas separate."""
    return [word for word in read_text(name, default).replace(",", " ").split() if word]


def read_origins(name: str) -> list[str]:
    """Return a list of origins: a scheme and a host, with a port if it is not the usual one."""
    origins = read_words(name, "")
    for origin in origins:
        if not re.fullmatch(
            r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:\d+)?", origin
        ):
            raise BadSetting(
                name, f"must have origins such as https://example.org, not {origin!r}."
            )
    return origins


def read_pairs(name: str) -> dict[str, str]:
    """Return a list such as `de=MODEL fr=MODEL` as a model for each language."""
    words = os.environ.get(name, "").split()
    pairs = dict(word.partition("=")[::2] for word in words)
    if len(pairs) < len(words) or not all(
        re.fullmatch("[a-z]{2,3}", language) and pairs[language] for language in pairs
    ):
        raise BadSetting(name, f"must be such as `de=MODEL fr=MODEL`, not {' '.join(words)!r}.")
    return pairs


def read_port(name: str, default: int) -> int:
    """Return a port."""
    return read_whole(name, default, maximum=65535)


def check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    """Refuse a URL with another scheme, without its password in the message."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # its message would show the password
        scheme = ""
    if scheme not in schemes:
        raise BadSetting(name, f"must be a URL that begins with one of {', '.join(schemes)}.")


SOCKET = "redis+socket"
BROKER_SCHEMES = ("redis", "rediss", SOCKET, "sentinel", "amqp", "amqps")
# A URL may name several of these servers, separated by semicolons.
CLUSTER_SCHEMES = ("sentinel", "amqp", "amqps")


def check_broker_url(name: str, url: str) -> None:
    """Refuse a URL that no broker can have, without its password in the message."""
    servers = url.split(";")
    for server in servers:
        check_url(name, server, BROKER_SCHEMES)
        if problem := _problem_of_broker(server):
            raise BadSetting(name, problem)
    schemes = {urlsplit(server).scheme for server in servers}
    if len(servers) > 1 and (len(schemes) > 1 or not schemes <= set(CLUSTER_SCHEMES)):
        raise BadSetting(
            name, f"may name several servers only with one of {', '.join(CLUSTER_SCHEMES)}."
        )


def _problem_of_broker(url: str) -> str:
    """Return why no server has this URL; it may have a password that ends the host."""
    parts = urlsplit(url)
    try:
        is_readable = parts.port != 0
    except ValueError:  # its message would show part of the password
        is_readable = False
    if not is_readable or ("@" in url and "@" not in parts.netloc):
        return "has no readable host and port: write / ? # @ in a password as %2F %3F %23 %40."
    if parts.scheme == SOCKET:
        is_path = not parts.hostname and len(parts.path) > 1
        return "" if is_path else f"must name a file: {SOCKET}:///run/valkey.sock."
    if not parts.hostname:
        return "names no host."
    if not parts.scheme.startswith("amqp") and not re.fullmatch(r"/?\d*", parts.path):
        return "must end with the number of a database, such as /0."
    return ""


def read_database(name: str) -> dict[str, str]:
    """Return the parameters of a PostgreSQL database by libpq's names; empty without a URL."""
    url = read_given_secret(name)
    if not url:
        return {}
    from psycopg.conninfo import conninfo_to_dict  # only PostgreSQL needs it

    check_url(name, url, ("postgresql", "postgres"))
    try:
        parameters = conninfo_to_dict(url)
    except Exception:  # its message would show the password
        parameters = {}
    if not parameters.get("dbname"):
        raise BadSetting(name, "must be postgresql://USER:PASSWORD@HOST:PORT/NAME.")
    return {option: str(value) for option, value in parameters.items() if value is not None}
