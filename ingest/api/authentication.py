"""API keys in the Authorization header: who the client is, its scopes and its rate limit."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from structlog.contextvars import bind_contextvars

from ingest.broker.connection import BrokerUnavailable
from ingest.broker.rate_limit import PERIOD_SECONDS, RateLimitState, count_request
from ingest.core.posts import publication_key
from ingest.models import ApiKey, Scope
from ingest.models.api_keys import KEY_PREFIX
from ingest.operations import audit, strangers
from ingest.operations.key_uses import note_use
from ingest.store import open_reader
from ingest.store.base import StoreReader

# How long a process remembers a key. A revoked key still works for so long.
CACHE_SECONDS = 5


@dataclass(frozen=True)
class Client:
    """The holder of a key, and what the key allows. No publications means all of them."""

    key_id: int
    name: str
    scopes: frozenset[str]
    publications: frozenset[str] = frozenset()  # their keys
    requests_per_minute: int = 0  # 0: no limit
    is_bulk: bool = False  # whether all its posts are bulk posts
    is_authenticated: bool = True

    def may_use(self, publication: str) -> bool:
        """Return whether the key may read, submit to and delete from a publication."""
        return not self.publications or publication_key(publication) in self.publications


def client_of(request: Request) -> Client:
    """Return the client of an authenticated request."""
    client = request.user
    assert isinstance(client, Client)
    return client


def reader_of(request: Request) -> StoreReader:
    """Return what a request reads from: it shows the publications of the key only."""
    return open_reader(client_of(request).publications)


def actor_of(request: Request) -> audit.Actor:
    """Return the key of a request as an actor."""
    return audit.Actor(f"key {client_of(request).name}", audit.Via.API)


class KeyAuthentication(BaseAuthentication):
    """Read the key from `Authorization: Bearer ing_…`."""

    def authenticate(self, request: Request) -> tuple[Client, None] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, secret = header.partition(" ")
        client = _client(secret.strip()) if scheme.lower() == "bearer" else None
        if client is None:
            raise AuthenticationFailed("This is not a valid API key.")
        bind_contextvars(client=client.name)
        note_use(client.key_id)
        return client, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ingest"'


def lacks_scope(scope: Scope) -> str:
    """Return the sentence that says which scope a key lacks."""
    return f"This key does not have the scope {scope}."


class HasScope(BasePermission):
    """
    Require a key, and the scope that the view names for the request's method.

    None allows each key. A GET that is not named needs `read`. No key may use another method.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        scopes: dict[str, Scope | None] = getattr(view, "scopes", {})
        client = request.user
        if not isinstance(client, Client):
            return False
        method = "GET" if request.method == "HEAD" else request.method
        wanted = {"GET": Scope.READ, **scopes}
        if method not in wanted:
            return not hasattr(view, str(method).lower())  # the view answers 405
        scope = wanted[method]
        self.message = lacks_scope(scope) if scope else ""
        return scope is None or scope in client.scopes


class StrangerThrottle(BaseThrottle):
    """Limit the requests per minute of an address to what needs no key."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        return strangers.may_ask(request)

    def wait(self) -> float:
        return strangers.PERIOD_SECONDS


class KeyThrottle(BaseThrottle):
    """Limit a key's requests per minute. While the broker is away, allow all of them."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        self._limit_state: RateLimitState | None = None
        client = request.user
        if isinstance(client, Client) and client.requests_per_minute:
            with suppress(BrokerUnavailable):
                self._limit_state = count_request(client.key_id, limit=client.requests_per_minute)
        setattr(request, "limit_state", self._limit_state)  # noqa: B010
        return self._limit_state is None or self._limit_state.allowed

    def wait(self) -> float | None:
        return self._limit_state.seconds if self._limit_state else None


class JsonOnly(BaseContentNegotiation):
    """Answer in JSON, whatever the Accept header says. The Content-Type tells the client."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        first = next(iter(renderers))
        return first, first.media_type


class KeyedView(APIView):
    """The base of every view of the API: it requires a key."""

    content_negotiation_class = JsonOnly
    authentication_classes = (KeyAuthentication,)
    permission_classes = (HasScope,)
    throttle_classes = (KeyThrottle,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the key, unless the client only asks which methods there are."""
        if request.method == "OPTIONS":
            return
        try:
            super().initial(request, *args, **kwargs)
        except (AuthenticationFailed, NotAuthenticated) as error:
            if not strangers.may_ask(request):
                raise Throttled(strangers.PERIOD_SECONDS) from error
            raise

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Answer with the methods of the URL in the header Allow."""
        return Response(status=HTTPStatus.NO_CONTENT)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the RateLimit headers (IETF draft), which say how many requests a key has left."""
        response = super().finalize_response(request, response, *args, **kwargs)
        state: RateLimitState | None = getattr(request, "limit_state", None)
        if state:
            response["RateLimit-Policy"] = f'"key";q={state.limit};w={PERIOD_SECONDS}'
            response["RateLimit"] = f'"key";r={state.left};t={math.ceil(state.seconds)}'
        return response


def _client(secret: str) -> Client | None:
    """Look a key up by its digest, so that timing the comparison reveals nothing of the key."""
    if not secret.startswith(KEY_PREFIX):
        return None
    digest = ApiKey.digest_of(secret)
    known: Client | None = caches["keys"].get(digest)
    return known or _look_up(secret, digest)


def _look_up(secret: str, digest: str) -> Client | None:
    """Read a key from the database, and remember it. A key that is not valid takes no memory."""
    key = ApiKey.find(secret)
    if key is None:
        return None
    own = key.requests_per_minute
    client = Client(
        key.pk,
        key.name,
        frozenset(key.scopes),
        frozenset(map(publication_key, key.publications)),
        settings.REQUESTS_PER_MINUTE if own is None else own,
        key.bulk,
    )
    caches["keys"].set(digest, client, CACHE_SECONDS)
    return client
