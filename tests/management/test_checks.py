"""What `check --deploy` refuses, and the headers and cookies of production."""

from typing import Any

import pytest
from django.test import Client

from ingest.management.checks import check_deployment

SAFE = {
    "PRODUCTION": True,
    "ALLOWED_HOSTS": ["news.example"],
    "PROXIES": ["127.0.0.1"],
    "CSRF_TRUSTED_ORIGINS": ["https://news.example:8443"],
    "CORS_ALLOWED_ORIGINS": [],
    "PAGES": "login",
    "MFA": "required",
}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("PRODUCTION", False, "INGEST_PRODUCTION is off"),
        ("ALLOWED_HOSTS", [], "names no host"),
        ("ALLOWED_HOSTS", ["*"], "has *"),
        ("PROXIES", ["*"], "any client may name any address"),
        ("CSRF_TRUSTED_ORIGINS", ["http://news.example"], "without TLS: http://news.example"),
        ("CORS_ALLOWED_ORIGINS", ["http://a.example"], "without TLS: http://a.example"),
        ("PAGES", "public", "everyone sees counts"),
        ("MFA", "optional", "can do without a second factor"),
    ],
)
def test_a_deployment_is_refused_for_one_bad_setting(
    name: str, value: object, problem: str, settings: Any
) -> None:
    for each, safe in SAFE.items():
        setattr(settings, each, safe)
    assert check_deployment() == []
    setattr(settings, name, value)
    (found,) = check_deployment()
    assert problem in found.msg
    assert found.is_serious() is (name not in ("PAGES", "MFA"))


@pytest.mark.django_db
@pytest.mark.usefixtures("empty_broker", "sql_store")
@pytest.mark.parametrize("path", ["/login", "/api/openapi.json", "/nowhere"])
def test_every_answer_has_the_policies_for_browsers(path: str) -> None:
    answer = Client().get(path)
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert ("Content-Security-Policy" in answer) is not path.startswith("/api")


@pytest.mark.django_db
@pytest.mark.usefixtures("empty_broker", "sql_store")
@pytest.mark.parametrize(("trusted", "status"), [([], 403), (["https://news.example:8443"], 200)])
def test_a_form_from_a_proxy_on_another_port_is_accepted_if_its_origin_is_named(
    trusted: list[str], status: int, settings: Any
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = trusted
    browser = Client(enforce_csrf_checks=True)
    token = browser.get("/login").context["csrf_token"]
    form = {"username": "x", "password": "y", "csrfmiddlewaretoken": str(token)}
    origin = {"Origin": "https://news.example:8443"}
    assert browser.post("/login", form, headers=origin).status_code == status
