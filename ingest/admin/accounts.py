"""Accounts and roles in the admin. Changes of them are in the audit log."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest.admin.api_keys import LinesField
from ingest.admin.audit import AuditedAdmin, actor_of
from ingest.admin.lists import ListAdmin
from ingest.models import ReadLimit
from ingest.operations import audit

admin.site.unregister((User, Group))
# What a provider says of a person is not for people to change.
admin.site.unregister((EmailAddress, SocialAccount, SocialApp, SocialToken))
# Its pages would show the secrets of second factors.
admin.site.unregister(Authenticator)


@admin.register(User)
class AccountAdmin(ListAdmin, AuditedAdmin, UserAdmin):  # type: ignore[type-arg]
    """The admin of accounts. A group is a role."""

    list_display = ("username", "roles", "factors", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    actions = ("take_factors",)

    @admin.display(description="second factors")
    def factors(self, account: User) -> str:
        """Return the kinds of an account's second factors."""
        return _kinds_of(account) or "none"

    @admin.action(description="Take away the second factors", permissions=["change"])
    def take_factors(self, request: HttpRequest, accounts: QuerySet[User]) -> None:
        """Take away every second factor of accounts, for people who lost theirs."""
        taken = [
            (f"user {account}", kinds) for account in accounts if (kinds := _kinds_of(account))
        ]
        Authenticator.objects.filter(user__in=accounts).delete()
        entries = [(name, f"took away second factors: {kinds}") for name, kinds in taken]
        audit.record_all(actor_of(request), audit.Action.CHANGE, entries)
        has = "account has" if len(taken) == 1 else "accounts have"
        self.message_user(request, f"{len(taken)} {has} no second factor any more.")

    @admin.display()
    def roles(self, account: User) -> str:
        """Return the names of an account's roles."""
        return ", ".join(account.groups.values_list("name", flat=True))


def _kinds_of(account: User) -> str:
    """Return the names of the kinds of an account's factors."""
    factors = Authenticator.objects.filter(user=account).order_by("type")
    return ", ".join(dict.fromkeys(factor.get_type_display() for factor in factors))


class ReadLimitForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of the publications that a role may read."""

    publications = LinesField(
        help_text="Accounts of this role read these publications only, and have no admin. "
        "Write one per line.",
    )


class ReadLimitInline(admin.StackedInline):  # type: ignore[type-arg]
    """The publications that a role may read; without them it may read all."""

    model = ReadLimit
    form = ReadLimitForm

    def _may_change(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("auth.change_group")

    has_view_permission = has_add_permission = has_change_permission = _may_change
    has_delete_permission = _may_change


@admin.register(Group)
class RoleAdmin(ListAdmin, AuditedAdmin, GroupAdmin):
    """The admin of roles, their permissions and the publications that they read."""

    inlines = (ReadLimitInline,)
