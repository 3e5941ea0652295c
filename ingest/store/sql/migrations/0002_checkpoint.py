"""What is kept: the day a post was accepted, and the sums of forgotten posts."""

import django.db.models.deletion
from django.db import migrations, models


def fill_accepted_day(apps, schema_editor):
    """Read the day from the records that earlier versions wrote, whose times are in UTC."""
    time = {
        "sqlite": "json_extract(record, '$.post.accepted_at')",
        "postgresql": "record::json -> 'post' ->> 'accepted_at'",
    }[schema_editor.connection.vendor]
    schema_editor.execute(
        f"UPDATE counts_post SET accepted_day = substr({time}, 1, 10) WHERE publication IS NOT NULL"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('counts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='CheckpointRow',
            fields=[
                ('pk', models.CompositePrimaryKey('publication_id', 'family', 'key', 'tally', 'name', blank=True, editable=False, primary_key=True, serialize=False)),
                ('publication', models.ForeignKey(db_column='publication', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='counts.publicationrow')),
                ('family', models.TextField()),
                ('key', models.TextField()),
                ('tally', models.CharField(max_length=10)),
                ('name', models.TextField()),
                ('number', models.BigIntegerField()),
            ],
            options={
                'db_table': 'counts_checkpoint',
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='postrow',
            name='accepted_day',
            field=models.CharField(max_length=10, null=True),
        ),
        migrations.RunPython(fill_accepted_day, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='postrow',
            index=models.Index(fields=['accepted_day'], name='counts_post_accepted'),
        ),
        migrations.AddIndex(
            model_name='postrow',
            index=models.Index(condition=models.Q(('content__isnull', False)), fields=['accepted_day'], name='counts_post_text'),
        ),
    ]
