"""Sign-in through an OpenID Connect provider, whose groups become roles."""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from ingest.operations import audit


class SignInAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # it has no types
    """Let the provider decide who signs in, and give accounts the roles of their groups."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Make an account at the first sign-in of a person."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Bring the roles of a known account up to date."""
        if sociallogin.is_existing:
            _give_roles(sociallogin.user, sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        """Save a new account, with its roles."""
        account: User = super().save_user(request, sociallogin, form)
        _give_roles(account, sociallogin)
        return account


def _give_roles(account: User, sociallogin: Any) -> None:
    """Give an account exactly the roles that are named as its groups at the provider."""
    roles = Group.objects.filter(name__in=_groups(sociallogin.account.extra_data))
    if set(roles) == set(account.groups.all()):
        return
    account.groups.set(roles)
    account.is_staff = any(role.permissions.exists() for role in roles)
    account.save(update_fields=["is_staff"])
    actor = audit.Actor(account.get_username(), audit.Via.ADMIN)
    names = ", ".join(sorted(role.name for role in roles)) or "none"
    audit.record(actor, audit.Action.CHANGE, f"user {account}", detail=f"roles: {names}")


def _groups(claims: dict[str, Any]) -> list[str]:
    """Return the groups in what a provider says of a person, there or in its ID token."""
    for part in (claims.get("userinfo"), claims.get("id_token"), claims):
        found = (part or {}).get(settings.OIDC_GROUPS)
        if isinstance(found, list):
            return [group for group in found if isinstance(group, str)]
    return []
