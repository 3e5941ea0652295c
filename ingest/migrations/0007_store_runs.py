"""Runs over saved posts, which all roles may watch and operators may start."""

from importlib import import_module

import django.utils.timezone
from django.db import migrations, models

roles = import_module("ingest.migrations.0002_roles")


def give_permissions(apps, schema_editor):
    """Let each role watch the runs, and the operator start them."""
    database = schema_editor.connection.alias
    roles._make_permissions(apps, database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    own = {p.codename: p for p in permissions.filter(content_type__model="storerun")}
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=roles.ROLES):
        group.permissions.add(own["view_storerun"])
        if group.name == "operator":
            group.permissions.add(own["start_storerun"])


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0006_keys_and_readers'),
    ]

    operations = [
        migrations.CreateModel(
            name='PublicationMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=600, unique=True)),
                ('target', models.CharField(max_length=200)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StoreRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('texts', 'forget texts'), ('posts', 'forget posts'), ('delete', 'delete a publication'), ('move', 'move a publication')], max_length=10)),
                ('publication', models.CharField(blank=True, max_length=200)),
                ('target', models.CharField(blank=True, max_length=200)),
                ('day', models.CharField(blank=True, max_length=10)),
                ('actor', models.CharField(max_length=200)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(null=True)),
                ('problem', models.TextField(blank=True)),
                ('done', models.PositiveIntegerField(default=0)),
                ('post_done', models.CharField(blank=True, default='', max_length=64)),
            ],
            options={
                'verbose_name': 'run over saved posts',
                'verbose_name_plural': 'runs over saved posts',
                'ordering': ('-started_at',),
                'permissions': (('start_storerun', 'Can delete, rename and merge publications'),),
                'default_permissions': ('view',),
            },
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='action',
            field=models.CharField(choices=[('drain', 'drained'), ('resume', 'resumed'), ('replay', 'replayed'), ('discard', 'discarded'), ('add', 'added'), ('change', 'changed'), ('delete', 'deleted'), ('revoke', 'revoked'), ('rotate', 'rotated'), ('repair', 'repaired'), ('reprocess', 'reprocessed'), ('copy', 'copied'), ('forget', 'forgot'), ('move', 'moved'), ('bad_login', 'failed to log in'), ('lock', 'was locked')], max_length=10),
        ),
        migrations.RunPython(give_permissions, migrations.RunPython.noop),
    ]
