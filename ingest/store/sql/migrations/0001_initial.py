"""The tables of the store in SQL."""

import django.db.models.deletion
from django.db import migrations, models


def order_by_code_point(apps, schema_editor):
    """Make PostgreSQL order names as SQLite, Firestore and Python do, whatever its language."""
    if schema_editor.connection.vendor == "postgresql":
        for table, column in (("counts_publication", "name"), ("counts_entity", "key")):
            schema_editor.execute(
                f'ALTER TABLE {table} ALTER COLUMN {column} TYPE text COLLATE "C"'
            )


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="EntityRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("entity_id", models.CharField(max_length=32)),
                ("family", models.TextField()),
                ("key", models.TextField()),
                ("mentions", models.BigIntegerField()),
                ("posts", models.BigIntegerField()),
            ],
            options={
                "db_table": "counts_entity",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PostRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("post_id", models.CharField(max_length=32, unique=True)),
                ("record", models.TextField()),
                ("content", models.BinaryField(null=True)),
            ],
            options={
                "db_table": "counts_post",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PublicationRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("pub_id", models.CharField(max_length=32, unique=True)),
                ("name", models.TextField(db_index=True)),
                ("changed_at", models.DateTimeField(null=True)),
                ("summary", models.TextField(null=True)),
                ("top_entities", models.TextField(null=True)),
                ("as_of", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "counts_publication",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="EntityLabelRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entity_id",
                        "label",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("label", models.TextField()),
                ("mentions", models.BigIntegerField()),
                (
                    "entity",
                    models.ForeignKey(
                        db_column="entity",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.entityrow",
                    ),
                ),
            ],
            options={
                "db_table": "counts_entity_label",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="EntityFormRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entity_id",
                        "form",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("form", models.TextField()),
                ("mentions", models.BigIntegerField()),
                (
                    "entity",
                    models.ForeignKey(
                        db_column="entity",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.entityrow",
                    ),
                ),
            ],
            options={
                "db_table": "counts_entity_form",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PostEntityRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entity_id",
                        "day",
                        "post_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.CharField(max_length=10)),
                (
                    "entity",
                    models.ForeignKey(
                        db_column="entity",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.entityrow",
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(
                        db_column="post",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.postrow",
                    ),
                ),
            ],
            options={
                "db_table": "counts_post_entity",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PublicationDayRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "publication_id",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.CharField(max_length=10)),
                ("posts", models.BigIntegerField()),
                (
                    "publication",
                    models.ForeignKey(
                        db_column="publication",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.publicationrow",
                    ),
                ),
            ],
            options={
                "db_table": "counts_publication_day",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="postrow",
            name="publication",
            field=models.ForeignKey(
                db_column="publication",
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="counts.publicationrow",
            ),
        ),
        migrations.AddField(
            model_name="entityrow",
            name="publication",
            field=models.ForeignKey(
                db_column="publication",
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="counts.publicationrow",
            ),
        ),
        migrations.CreateModel(
            name="EntityDayRow",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entity_id",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.CharField(max_length=10)),
                ("mentions", models.BigIntegerField()),
                ("posts", models.BigIntegerField()),
                (
                    "entity",
                    models.ForeignKey(
                        db_column="entity",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.entityrow",
                    ),
                ),
                (
                    "publication",
                    models.ForeignKey(
                        db_column="publication",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="counts.publicationrow",
                    ),
                ),
            ],
            options={
                "db_table": "counts_entity_day",
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="postrow",
            index=models.Index(fields=["publication", "post_id"], name="counts_post_id"),
        ),
        migrations.AddIndex(
            model_name="entityrow",
            index=models.Index(
                fields=["publication", "-mentions", "-entity_id"], name="counts_entity_top"
            ),
        ),
        migrations.AddIndex(
            model_name="entityrow",
            index=models.Index(
                fields=["publication", "family", "-mentions", "-entity_id"],
                name="counts_entity_family",
            ),
        ),
        migrations.AddIndex(
            model_name="entityrow",
            index=models.Index(
                fields=["publication", "key", "entity_id"], name="counts_entity_key"
            ),
        ),
        migrations.AddIndex(
            model_name="entityrow",
            index=models.Index(fields=["entity_id"], name="counts_entity_everywhere"),
        ),
        migrations.AddConstraint(
            model_name="entityrow",
            constraint=models.UniqueConstraint(
                fields=("publication", "entity_id"), name="counts_entity_id"
            ),
        ),
        migrations.AddIndex(
            model_name="entitydayrow",
            index=models.Index(
                fields=["publication", "day", "entity", "mentions", "posts"], name="counts_window"
            ),
        ),
        migrations.RunPython(order_by_code_point, migrations.RunPython.noop),
    ]
