"""Packs, and a day of the publication for each day of its entities, by which a window finds it."""

import django.db.models.deletion
from django.db import migrations, models

# An earlier version left out the days on which entities count and no post does.
ADD_DAYS = """
INSERT INTO counts_publication_day (publication, day, posts)
SELECT DISTINCT publication, day, 0 FROM counts_entity_day WHERE true
ON CONFLICT (publication, day) DO NOTHING
"""


class Migration(migrations.Migration):

    dependencies = [
        ('counts', '0004_post_days'),
    ]

    operations = [
        migrations.AddField(
            model_name='publicationrow',
            name='packed_as_of',
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name='PackRow',
            fields=[
                ('pk', models.CompositePrimaryKey('publication_id', 'period', blank=True, editable=False, primary_key=True, serialize=False)),
                ('period', models.CharField(max_length=10)),
                ('entities', models.BinaryField()),
                ('publication', models.ForeignKey(db_column='publication', db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='counts.publicationrow')),
            ],
            options={
                'db_table': 'counts_pack',
                'default_permissions': (),
            },
        ),
        migrations.RunSQL(ADD_DAYS, migrations.RunSQL.noop),
    ]
