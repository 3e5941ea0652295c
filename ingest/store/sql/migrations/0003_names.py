"""Names that a search finds by their words, and lists by posts."""

import django.db.models.deletion
from django.db import migrations, models


def order_by_code_point(apps, schema_editor):
    """Make PostgreSQL compare words as Python does, so that a range finds what begins alike."""
    if schema_editor.connection.vendor == "postgresql":
        for table, column in (("counts_name", "key"), ("counts_name_word", "word")):
            schema_editor.execute(
                f'ALTER TABLE {table} ALTER COLUMN {column} TYPE text COLLATE "C"'
            )


class Migration(migrations.Migration):
    dependencies = [
        ("counts", "0002_checkpoint"),
    ]

    operations = [
        migrations.CreateModel(
            name="NameRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("entity_id", models.CharField(max_length=32, unique=True)),
                ("family", models.TextField()),
                ("key", models.TextField()),
                ("magnitude", models.SmallIntegerField()),
            ],
            options={
                "db_table": "counts_name",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="NameWordRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "word",
                        "name_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("word", models.TextField()),
                (
                    "name",
                    models.ForeignKey(
                        db_column="name",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.namerow",
                    ),
                ),
            ],
            options={
                "db_table": "counts_name_word",
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="entityrow",
            index=models.Index(
                fields=["publication", "-posts", "-entity_id", "family"], name="counts_entity_posts"
            ),
        ),
        migrations.AddIndex(
            model_name="namerow",
            index=models.Index(
                fields=["-magnitude", "key", "family", "entity_id"], name="counts_name_top"
            ),
        ),
        migrations.RunPython(order_by_code_point, migrations.RunPython.noop),
    ]
