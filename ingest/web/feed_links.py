"""The addresses of feeds, as pages link to them."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from ingest.models import FeedAddress, ReadLimit


def feed_link(request: HttpRequest, name: str, *args: str, **query: str | None) -> str:
    """Return the address of a feed: a secret one if the account's own eyes are needed for it."""
    given = {key: value for key, value in query.items() if value}
    end = f"?{urlencode(given)}" if given else ""
    if not needs_secret(request):
        return reverse(f"web:{name}", args=args) + end
    row, _ = FeedAddress.objects.get_or_create(account_id=request.user.pk)
    return reverse(f"web:secret_{name}", args=[row.address, *args]) + end


def needs_secret(request: HttpRequest) -> bool:
    """Return whether the account reads what not everybody does, or less than everybody."""
    if not request.user.is_authenticated:
        return False
    return settings.PAGES == "login" or bool(ReadLimit.of(request.user))
