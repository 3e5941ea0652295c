"""The login page, and the page of an account's second factors."""

from ipaddress import ip_address
from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.mfa.base.views import IndexView
from allauth.mfa.webauthn.views import ReauthenticateWebAuthnView
from django.contrib.auth import logout, views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpResponse
from django.http.request import split_domain_port
from django.views.generic.edit import FormView

from ingest.web.sign_in.second_factor import has_factor, must_have_factor


class LoginView(views.LoginView):
    """The login page of pages and admin: a password, and then a second factor."""

    template_name = "web/login.html"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        account, onwards = form.get_user(), self.get_success_url()
        if self.request.user.is_authenticated:  # as somebody else
            logout(self.request)
        login = Login(user=account, redirect_url=onwards)
        credentials = {"username": account.get_username()}
        response: HttpResponse = perform_password_login(self.request, credentials, login)
        return response


class FactorsView(IndexView):  # type: ignore[misc]  # it has no types
    """The second factors of the account."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = self.request.user
        own = {
            "is_missing": must_have_factor(account) and not has_factor(account),
            "may_add_passkey": _has_name(self.request.get_host()),
        }
        return {**super().get_context_data(**kwargs), **own}


def _has_name(host: str) -> bool:
    """Return whether a host has a name. Browsers make no passkey for an address."""
    domain, _ = split_domain_port(host)
    try:
        ip_address(domain.strip("[]"))
    except ValueError:
        return True
    return False


class PasskeyAgainView(ReauthenticateWebAuthnView):  # type: ignore[misc]  # it has no types
    """Ask for a passkey again; a wrong one shows the page again."""

    form_invalid = FormView.form_invalid
