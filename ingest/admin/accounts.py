"""Accounts and roles in the admin. Changes of them are in the audit log."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from ingest.admin.api_keys import LinesField
from ingest.admin.audit import AuditedAdmin
from ingest.admin.lists import ListAdmin
from ingest.models import ReadLimit

admin.site.unregister((User, Group))
# What a provider says of a person is not for people to change.
admin.site.unregister((EmailAddress, SocialAccount, SocialApp, SocialToken))


@admin.register(User)
class AccountAdmin(ListAdmin, AuditedAdmin, UserAdmin):  # type: ignore[type-arg]
    """The admin of accounts. A group is a role."""

    list_display = ("username", "roles", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")

    @admin.display()
    def roles(self, account: User) -> str:
        """Return the names of an account's roles."""
        return ", ".join(account.groups.values_list("name", flat=True))


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
