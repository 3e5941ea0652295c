"""The day of each post in a column: the newest posts of a publication come from an index."""

import json
from datetime import UTC, datetime

from django.db import migrations, models

ROWS = 1000  # that are read and written together


def fill_in_days(apps, schema_editor):
    """Give each saved post its day: of publication, else of the first acceptance, in UTC."""
    posts = apps.get_model("counts", "PostRow").objects.using(schema_editor.connection.alias)
    last = 0
    while rows := list(posts.filter(pk__gt=last).only("pk", "record").order_by("pk")[:ROWS]):
        for row in rows:
            row.day = _day(json.loads(row.record)["post"])
        posts.bulk_update(rows, ["day"])
        last = rows[-1].pk


def _day(post):
    if not post:
        return None
    moment = post.get("published_at") or post.get("first_accepted_at") or post["accepted_at"]
    return datetime.fromisoformat(moment).astimezone(UTC).date().isoformat()


class Migration(migrations.Migration):
    dependencies = [("counts", "0003_names")]

    operations = [
        migrations.AddField(
            model_name="postrow",
            name="day",
            field=models.CharField(max_length=10, null=True),
        ),
        migrations.RunPython(fill_in_days, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="postrow",
            index=models.Index(fields=["publication", "-day", "-id"], name="counts_post_day"),
        ),
    ]
