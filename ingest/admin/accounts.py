"""Accounts and roles in the admin. Changes of them are in the audit log."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from ingest.admin.audit import AuditedAdmin
from ingest.admin.lists import ListAdmin

admin.site.unregister((User, Group))


@admin.register(User)
class AccountAdmin(ListAdmin, AuditedAdmin, UserAdmin):  # type: ignore[type-arg]
    """The admin of accounts. A group is a role."""

    list_display = ("username", "roles", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")

    @admin.display()
    def roles(self, account: User) -> str:
        """Return the names of an account's roles."""
        return ", ".join(account.groups.values_list("name", flat=True))


@admin.register(Group)
class RoleAdmin(ListAdmin, AuditedAdmin, GroupAdmin):
    """The admin of roles and their permissions."""
