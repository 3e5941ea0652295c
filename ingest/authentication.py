"""Who is asking: an API key in the Authorization header, and what it allows."""

from dataclasses import dataclass

from django.core.cache import cache
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.models import ApiKey, Scope

# A key is looked up in the database once in this time, so a revoked one ends within it.
REMEMBERED = 5  # seconds


@dataclass(frozen=True)
class Client:
    """Who holds a key."""

    name: str
    scopes: frozenset[str]
    is_authenticated: bool = True


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
        return client, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ingest"'


class Allows(BasePermission):
    """Require a key, and the scope that the view names for the request's method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        scopes: dict[str, Scope] = getattr(view, "scopes", {})
        client = request.user
        if not isinstance(client, Client):
            return False
        return scopes.get(request.method or "", Scope.READ) in client.scopes


class KeyedView(APIView):
    """What every address of the API has in common: it asks for a key."""

    authentication_classes = (KeyAuthentication,)
    permission_classes = (Allows,)


def _client(secret: str) -> Client | None:
    """Find a key by its digest: the comparison tells an attacker nothing of the key itself."""
    digest = ApiKey.digest_of(secret)
    found: Client | None = cache.get_or_set(f"key:{digest}", lambda: _look_up(digest), REMEMBERED)
    return found


def _look_up(digest: str) -> Client | None:
    row = ApiKey.objects.filter(digest=digest, revoked_at=None).first()
    return Client(row.name, frozenset(row.scopes)) if row else None
