"""Who is asking: an API key in the Authorization header, what it allows, and how often."""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from structlog.contextvars import bind_contextvars

from ingest.broker.connection import BrokerUnavailable
from ingest.broker.rate_limit import PERIOD_SECONDS, RateLimitState, count_request
from ingest.core.posts import publication_key
from ingest.models import ApiKey, Scope

# A key is looked up in the database once in this time, so a revoked one ends within it.
CACHE_SECONDS = 5  # seconds
# When a key was used is written down once in this time, and not at every request.
USE_RESOLUTION = timedelta(hours=1)


@dataclass(frozen=True)
class Client:
    """Who holds a key, and what it allows; of publications, all if none is named."""

    key_id: int
    name: str
    scopes: frozenset[str]
    publications: frozenset[str] = frozenset()  # their keys
    requests_per_minute: int = 0  # none: as many as it likes
    is_authenticated: bool = True

    def may_change(self, publication: str) -> bool:
        """Return whether posts of a publication are its to submit and delete."""
        return not self.publications or publication_key(publication) in self.publications


def client_of(request: Request) -> Client:
    """Return who sends a request that was allowed."""
    client = request.user
    assert isinstance(client, Client)
    return client


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer ing_…`."""

    def authenticate(self, request: Request) -> tuple[Client, None] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        kind, _, secret = header.partition(" ")
        client = _client(secret.strip()) if kind.lower() == "bearer" else None
        if client is None:
            raise AuthenticationFailed("This is not a valid API key.")
        bind_contextvars(client=client.name)
        return client, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ingest"'


class HasScope(BasePermission):
    """Require a key, and the scope that the view names for the request's method, if it does."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        scopes: dict[str, Scope | None] = getattr(view, "scopes", {})
        client = request.user
        if not isinstance(client, Client):
            return False
        scope = scopes.get(request.method or "", Scope.READ)
        return scope is None or scope in client.scopes


class KeyThrottle(BaseThrottle):
    """Let a key make so many requests a minute; while nobody can count them, as many as come."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        self._use: RateLimitState | None = None
        client = request.user
        if isinstance(client, Client) and client.requests_per_minute:
            with suppress(BrokerUnavailable):
                self._use = count_request(client.key_id, limit=client.requests_per_minute)
        setattr(request, "use", self._use)  # noqa: B010
        return self._use is None or self._use.allowed

    def wait(self) -> float | None:
        return self._use.seconds if self._use else None


class JsonOnly(BaseContentNegotiation):
    """Answer in JSON, whatever a client would rather have: it can tell by the Content-Type."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        first = next(iter(renderers))
        return first, first.media_type


class KeyedView(APIView):
    """What every address of the API has in common: it asks for a key."""

    content_negotiation_class = JsonOnly
    authentication_classes = (KeyAuthentication,)
    permission_classes = (HasScope,)
    throttle_classes = (KeyThrottle,)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Tell a client with a limit what is left of it, as the draft of the RateLimit headers."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        use: RateLimitState | None = getattr(request, "use", None)
        if use:
            answer["RateLimit-Policy"] = f'"key";q={use.limit};w={PERIOD_SECONDS}'
            answer["RateLimit"] = f'"key";r={use.left};t={math.ceil(use.seconds)}'
        return answer


def _client(secret: str) -> Client | None:
    """Find a key by its digest: the comparison tells an attacker nothing of the key itself."""
    digest = ApiKey.digest_of(secret)
    found: Client | None = cache.get_or_set(
        f"key:{digest}", lambda: _look_up(digest), CACHE_SECONDS
    )
    return found


def _look_up(digest: str) -> Client | None:
    key = ApiKey.objects.filter(digest=digest, revoked_at=None).first()
    if key is None:
        return None
    _note_use(key)
    own = key.requests_per_minute
    return Client(
        key.pk,
        key.name,
        frozenset(key.scopes),
        frozenset(map(publication_key, key.publications)),
        settings.REQUESTS_PER_MINUTE if own is None else own,
    )


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    long_ago = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_RESOLUTION)
    with suppress(DatabaseError):  # a request is worth more than the note that it was made
        ApiKey.objects.filter(long_ago, pk=key.pk).update(last_used_at=now)
