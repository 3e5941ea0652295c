"""The people who use the admin, and their roles, with what is done to them in the trail."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from ingest.admin.audit import AuditedAdmin

admin.site.unregister((User, Group))


@admin.register(User)
class AccountAdmin(AuditedAdmin, UserAdmin):  # type: ignore[type-arg]
    """Accounts; a group is a role."""

    list_display = ("username", "roles", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")

    @admin.display()
    def roles(self, account: User) -> str:
        """Name the groups of an account."""
        return ", ".join(account.groups.values_list("name", flat=True))


@admin.register(Group)
class RoleAdmin(AuditedAdmin, GroupAdmin):
    """Roles, and what each may do."""
