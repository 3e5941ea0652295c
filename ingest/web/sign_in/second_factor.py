"""
Second factors: authenticator apps, passkeys and recovery codes.

django-allauth makes and checks them. Here are its adapters and forms, and the middleware that lets
no session of an account with a factor do without it.
"""

import base64
import re
import time
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.mfa import signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.webauthn import forms as webauthn_forms
from allauth.socialaccount.models import SocialAccount
from axes.handlers.proxy import AxesProxyHandler
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import salted_hmac
from structlog import get_logger

from ingest.operations import audit

logger = get_logger()

PASSED = "second_factor"  # in a session: the account whose factor was asked for
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
OPEN_PATHS = ("/accounts/", "/login", "/logout")
# They know keys and no sessions, and probes must be answered while the database is away.
PATHS_WITHOUT_SESSIONS = ("/api/", "/livez", "/readyz", "/metrics")
KEPT_CODES = 3  # the codes of an app that are valid at one time
KEPT_SECONDS = 300  # after a sign-in, a factor changes without another question


def has_factor(account: User) -> bool:
    """Return whether an account has an app or a passkey. Recovery codes alone are no factor."""
    return bool(Authenticator.objects.filter(user=account.pk, type__in=FACTORS).exists())


def must_have_factor(account: User) -> bool:
    """Return whether an account may operate or edit, and so must have a factor by the settings."""
    if settings.MFA != "required":
        return False
    if account.is_staff or account.is_superuser:
        return True
    names = (name.partition(".")[2] for name in account.get_all_permissions())
    return any(not name.startswith("view_") for name in names)


def require_second_factor(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """
    Let no session reach a page without the factor that its account has, or must have.

    It does not matter how the session began.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        has_session = not request.path.startswith(PATHS_WITHOUT_SESSIONS)
        if not has_session or not request.user.is_authenticated:
            return get_response(request)
        account = request.user
        if has_factor(account):
            if request.session.get(PASSED) != account.pk:
                logout(request)
                return redirect_to_login(request.get_full_path())
        elif not request.path.startswith(OPEN_PATHS) and must_have_factor(account):
            return redirect("mfa_index")
        return get_response(request)

    return middleware


@receiver(signals.authenticator_used)
def _remember(request: HttpRequest, user: User, **_: object) -> None:
    request.session[PASSED] = user.pk


@receiver(signals.authenticator_added)
def _record_added(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: object
) -> None:
    request.session[PASSED] = user.pk
    _record(user, audit.Action.ADD, authenticator)


@receiver(signals.authenticator_removed)
def _record_removed(user: User, authenticator: Authenticator, **_: object) -> None:
    _record(user, audit.Action.DELETE, authenticator)


@receiver(signals.authenticator_reset)
def _record_reset(user: User, authenticator: Authenticator, **_: object) -> None:
    _record(user, audit.Action.CHANGE, authenticator)


def _record(account: User, action: audit.Action, authenticator: Authenticator) -> None:
    actor = audit.Actor(account.get_username(), audit.Via.ADMIN)
    kind = authenticator.get_type_display()
    audit.record(actor, action, f"second factor of user {account}", detail=kind)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # it has no types
    """Ask again who it is before a factor changes, unless the sign-in was just now."""

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        records = get_authentication_records(context.request, context.request.user)
        since = time.time() - KEPT_SECONDS
        return not any(record["at"] > since for record in records)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the factors of an account that has some, else its password or its provider."""
        known = super().get_reauthentication_methods(user)
        if known:
            return [method for method in known if method["id"].startswith("mfa_")] or known
        if not (settings.OIDC_URL and SocialAccount.objects.filter(user=user.pk).exists()):
            return []
        url = reverse("openid_connect_login", args=["provider"])
        return [{"id": "provider", "description": "Use the provider", "url": url}]

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return redirect("socialaccount_login_error")

    def add_message(self, *_: Any, **__: Any) -> None:
        """Keep no message: each page says itself what was done, and the admin would show them."""


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # it has no types
    """Keep the secrets of factors encrypted, so that a stolen database or backup is not enough."""

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _fernet().decrypt(encrypted_text).decode()
        except InvalidToken:
            logger.error("a second factor is of another INGEST_SECRET_KEY, so no code fits it")
            return str(generate_totp_secret())

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user=user.pk, type=type).count() + 1
        return f"Passkey {number}"


def _fernet() -> Fernet:
    key = salted_hmac("ingest.second_factor", "", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def _checked(account: User, check: Callable[[], Any]) -> Any:
    """
    Return what a check of a factor returns, unless the account's factors are locked.

    Raises:
        ValidationError: the factor is wrong, or there were too many wrong ones.
    """
    request = context.request
    credentials = {"username": account.get_username(), audit.SECOND_FACTOR: True}
    if AxesProxyHandler.is_locked(request, credentials):
        request.axes_locked_out = True  # the middleware of axes answers 429 with its own page
        raise ValidationError("There were too many wrong codes.")
    try:
        found = check()
    except ValidationError:
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
        raise
    AxesProxyHandler.reset_attempts(username=audit.stored_name(request, credentials))
    return found


class _CheckedCode:
    """A form of a code, which works once, in whichever web process."""

    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        def check() -> str:
            code: str = super(_CheckedCode, self).clean_code()  # type: ignore[misc]
            if self.authenticator.type == Authenticator.Type.TOTP:
                _use_up(self.authenticator, code)
            return code

        return str(_checked(self.user, check))


def _use_up(authenticator: Authenticator, code: str) -> None:
    digits = re.sub(r"\D", "", code)
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        used = row.data.get("used", [])
        if digits in used:
            raise ValidationError("Each code works once. Wait for the next one.")
        row.data["used"] = [*used, digits][-KEPT_CODES:]
        row.save(update_fields=["data"])


class CodeForm(_CheckedCode, forms.AuthenticateForm):  # type: ignore[misc]
    """The code of a sign-in."""


class CodeAgainForm(_CheckedCode, forms.ReauthenticateForm):  # type: ignore[misc]
    """The code before a factor changes."""


class _CheckedPasskey:
    user: User

    def clean_credential(self) -> Authenticator:
        return _checked(self.user, super().clean_credential)  # type: ignore[misc]


class PasskeyForm(_CheckedPasskey, webauthn_forms.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """The passkey of a sign-in."""


class PasskeyAgainForm(
    _CheckedPasskey,
    webauthn_forms.ReauthenticateWebAuthnForm,  # type: ignore[misc]
):
    """The passkey before a factor changes."""
