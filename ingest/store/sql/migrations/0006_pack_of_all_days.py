"""The time of a pack of all days, which an older version does not delete."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('counts', '0005_packs'),
    ]

    operations = [
        migrations.AddField(
            model_name='packrow',
            name='as_of',
            field=models.DateTimeField(null=True),
        ),
    ]
