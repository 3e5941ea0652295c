"""The URLs of allauth's sign-in. Its pages of local accounts are not here."""

from allauth.socialaccount import views
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

failed = TemplateView.as_view(template_name="socialaccount/authentication_error.html")

urlpatterns = [
    path("login/", RedirectView.as_view(pattern_name="web:login"), name="account_login"),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("cancelled/", failed, name="socialaccount_login_cancelled"),
    path("error/", failed, name="socialaccount_login_error"),
    path("signup/", views.signup, name="socialaccount_signup"),
]
