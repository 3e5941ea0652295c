"""Replays of many dead letters, which a worker does; all three roles may follow them."""

from importlib import import_module

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


roles = import_module("ingest.migrations.0002_roles")


def let_roles_view(apps, schema_editor):
    """Let each role follow the replays."""
    database = schema_editor.connection.alias
    roles._make_permissions(apps, database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    view = permissions.get(content_type__app_label="ingest", codename="view_deadletterreplay")
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=roles.ROLES):
        group.permissions.add(view)


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0002_roles'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeadLetterReplay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor', models.CharField(max_length=200)),
                ('via', models.CharField(max_length=20)),
                ('total', models.PositiveIntegerField()),
                ('replayed', models.PositiveIntegerField(default=0)),
                ('unreadable', models.PositiveIntegerField(default=0)),
                ('problem', models.TextField(blank=True)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'replay of dead letters',
                'verbose_name_plural': 'replays of dead letters',
                'ordering': ('-started_at',),
                'default_permissions': ('view',),
            },
        ),
        migrations.AddField(
            model_name='deadletter',
            name='replay',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='waiting', to='ingest.deadletterreplay'),
        ),
        migrations.AlterField(
            model_name='aliasbackfill',
            name='publication_done',
            field=models.CharField(blank=True, default='', max_length=200),
        ),
        migrations.RunPython(let_roles_view, migrations.RunPython.noop),
    ]
