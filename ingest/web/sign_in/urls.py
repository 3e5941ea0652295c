"""The URLs of allauth's sign-in and second factors. Its pages of local accounts are not here."""

from allauth.account.views import ReauthenticateView
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as apps
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

from ingest.web.sign_in.views import FactorsView, PasskeyAgainView

failed = TemplateView.as_view(template_name="socialaccount/authentication_error.html")

# The names are those that allauth's code leads to.
FACTORS = [
    path("", FactorsView.as_view(), name="mfa_index"),
    path("ask/", factors.authenticate, name="mfa_authenticate"),
    path("ask-again/", factors.reauthenticate, name="mfa_reauthenticate"),
    path("app/add/", apps.activate_totp, name="mfa_activate_totp"),
    path("app/remove/", apps.deactivate_totp, name="mfa_deactivate_totp"),
    path("codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("codes/new/", recovery_codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("codes/file/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("passkeys/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("passkeys/add/", passkeys.add_webauthn, name="mfa_add_webauthn"),
    path("passkeys/ask-again/", PasskeyAgainView.as_view(), name="mfa_reauthenticate_webauthn"),
    path("passkeys/<int:pk>/remove/", passkeys.remove_webauthn, name="mfa_remove_webauthn"),
]

urlpatterns = [
    path(
        "login/",
        RedirectView.as_view(pattern_name="web:login", query_string=True),
        name="account_login",
    ),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("cancelled/", failed, name="socialaccount_login_cancelled"),
    path("error/", failed, name="socialaccount_login_error"),
    path("signup/", views.signup, name="socialaccount_signup"),
    path("password/", ReauthenticateView.as_view(), name="account_reauthenticate"),
    path("factors/", include(FACTORS)),
]
