"""The three roles: what a viewer, an editor and an operator may do in the admin."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWER = ["view_apikey", "view_deadletter", "view_alias", "view_aliasbackfill", "view_auditentry", "view_pattern", "view_patternset"]
EDITOR = [*VIEWER, *(f"{do}_{what}" for what in ("alias", "pattern") for do in ("add", "change", "delete"))]
OPERATOR = [
    *EDITOR,
    "add_apikey",
    "change_apikey",
    "drain",
    "replay_deadletter",
    "discard_deadletter",
]
ROLES = {"viewer": VIEWER, "editor": EDITOR, "operator": OPERATOR}


def make_roles(apps, schema_editor):
    """Give each role its permissions; one that somebody has made by this name keeps its own too."""
    database = schema_editor.connection.alias
    _make_permissions(apps, database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    groups = apps.get_model("auth", "Group").objects.using(database)
    for name, codenames in ROLES.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(
            *permissions.filter(content_type__app_label="ingest", codename__in=codenames)
        )


def _make_permissions(apps, database):
    """Make them now: Django itself makes them after the last migration."""
    config = apps.get_app_config("ingest")
    # What a migration sees of an app has no module of models, and would be passed over.
    config.models_module = getattr(config, "models_module", True)
    create_permissions(config, apps=apps, using=database, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
