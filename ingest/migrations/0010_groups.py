"""Groups of publications: viewers see them in the admin, editors and operators make them."""

from importlib import import_module

import django.utils.timezone
from django.db import migrations, models

roles = import_module("ingest.migrations.0002_roles")


def let_roles_use_groups(apps, schema_editor):
    """Let each role view the groups, and let editors and operators change them."""
    database = schema_editor.connection.alias
    roles._make_permissions(apps, database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    own = permissions.filter(
        content_type__app_label="ingest", codename__endswith="_publicationgroup"
    )
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=roles.ROLES):
        view_only = group.name == "viewer"
        group.permissions.add(*(own.filter(codename__startswith="view_") if view_only else own))


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0009_watches'),
    ]

    operations = [
        migrations.CreateModel(
            name='PublicationGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Its part of an address: ~nordic.', max_length=60, unique=True, verbose_name='address')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('publications', models.JSONField(default=list)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'verbose_name': 'group of publications',
                'verbose_name_plural': 'groups of publications',
                'ordering': ('name',),
            },
        ),
        migrations.RunPython(let_roles_use_groups, migrations.RunPython.noop),
    ]
