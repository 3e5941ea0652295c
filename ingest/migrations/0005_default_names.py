"""The sets of default names, which editors switch, and the evidence of a proposed alias."""

from importlib import import_module

from django.db import migrations, models

roles = import_module("ingest.migrations.0002_roles")

SETS = {"countries": True, "organisations": True, "no_names": True, "eras": True, "peoples": True, "demonyms": False}


def make_sets(apps, schema_editor):
    """Make a row of each set, and let the roles see and switch them."""
    database = schema_editor.connection.alias
    rows = apps.get_model("ingest", "DefaultNameSet").objects.using(database)
    for name, is_on in SETS.items():
        rows.create(name=name, is_on=is_on)
    roles._make_permissions(apps, database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    groups = apps.get_model("auth", "Group").objects.using(database)
    for group in groups.filter(name__in=roles.ROLES):
        may = ("view",) if group.name == "viewer" else ("view", "change")
        codenames = [f"{do}_defaultnameset" for do in may]
        group.permissions.add(
            *permissions.filter(content_type__app_label="ingest", codename__in=codenames)
        )


class Migration(migrations.Migration):
    dependencies = [("ingest", "0004_failed_logins")]

    operations = [
        migrations.CreateModel(
            name="DefaultNameSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(editable=False, max_length=40, unique=True)),
                ("is_on", models.BooleanField(verbose_name="on")),
            ],
            options={
                "verbose_name": "set of default names",
                "verbose_name_plural": "default names",
                "ordering": ("pk",),
                "default_permissions": ("view", "change"),
            },
        ),
        migrations.AddField(
            model_name="alias",
            name="evidence",
            field=models.TextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.RunPython(make_sets, migrations.RunPython.noop),
    ]
