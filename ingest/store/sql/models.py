"""
The tables of the store in SQL.

A post's row is the marker: it is written in one transaction with what the post adds to the
counters. Days are ISO dates, because Counts has them so. Numbers stand for the digests of
publications, entities and posts, because a million posts have ten million mentions.
"""

from django.db import models


def _reference(model: type[models.Model], column: str) -> "models.ForeignKey[models.Model]":
    """Refer to a row; the database does not check it, since its rows are never deleted."""
    return models.ForeignKey(
        model,
        models.DO_NOTHING,
        db_column=column,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )


def _index(name: str, *fields: str) -> models.Index:
    return models.Index(fields=fields, name=name)


class PublicationRow(models.Model):
    """
    A publication, and what its pages keep of it.

    `changed_at` is when its counts changed last. `as_of` is the `changed_at` of the top entities,
    and `packed_as_of` that of the packs: an older version changes counts without their packs.
    """

    pub_id = models.CharField(max_length=32, unique=True)
    name = models.TextField(db_index=True)
    changed_at = models.DateTimeField(null=True)
    summary = models.TextField(null=True)  # noqa: DJ001  # no summary yet
    top_entities = models.TextField(null=True)  # noqa: DJ001  # none yet
    as_of = models.DateTimeField(null=True)
    packed_as_of = models.DateTimeField(null=True)

    class Meta:
        db_table = "counts_publication"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class PublicationDayRow(models.Model):
    """How many posts of a publication count for a day."""

    pk = models.CompositePrimaryKey("publication_id", "day")
    publication = _reference(PublicationRow, "publication")
    day = models.CharField(max_length=10)
    posts = models.BigIntegerField()

    class Meta:
        db_table = "counts_publication_day"
        default_permissions = ()

    def __str__(self) -> str:
        return self.day


class PostRow(models.Model):
    """
    The record of a post.

    `record` is JSON: the post without its content, and the time of its deletion or forgetting.
    `content` is compressed; it is null if none is kept. Only a saved post has a publication, a
    `day` and an `accepted_day`.
    """

    post_id = models.CharField(max_length=32, unique=True)
    publication: "models.ForeignKey[PublicationRow | None]" = models.ForeignKey(
        PublicationRow,
        models.DO_NOTHING,
        db_column="publication",
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
    )
    day = models.CharField(max_length=10, null=True)  # noqa: DJ001  # deleted
    record = models.TextField()
    content = models.BinaryField(null=True)
    accepted_day = models.CharField(max_length=10, null=True)  # noqa: DJ001  # none is saved

    class Meta:
        db_table = "counts_post"
        default_permissions = ()
        indexes = (
            _index("counts_post_id", "publication", "post_id"),
            _index("counts_post_day", "publication", "-day", "-id"),
            _index("counts_post_accepted", "accepted_day"),
            models.Index(
                fields=["accepted_day"],
                name="counts_post_text",
                condition=models.Q(content__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.post_id


class EntityRow(models.Model):
    """How often, and in how many posts, a publication mentions an entity."""

    publication = _reference(PublicationRow, "publication")
    entity_id = models.CharField(max_length=32)
    family = models.TextField()
    key = models.TextField()
    mentions = models.BigIntegerField()
    posts = models.BigIntegerField()

    class Meta:
        db_table = "counts_entity"
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["publication", "entity_id"], name="counts_entity_id"),
        )
        indexes = (
            _index("counts_entity_top", "publication", "-mentions", "-entity_id"),
            _index("counts_entity_family", "publication", "family", "-mentions", "-entity_id"),
            _index("counts_entity_key", "publication", "key", "entity_id"),
            _index("counts_entity_everywhere", "entity_id"),
            _index("counts_entity_posts", "publication", "-posts", "-entity_id", "family"),
        )

    def __str__(self) -> str:
        return self.key


class NameRow(models.Model):
    """
    A name that some publication mentions, so that a search finds it.

    `magnitude` is that of its mentions in the publication that mentions it most. It never falls.
    """

    entity_id = models.CharField(max_length=32, unique=True)
    family = models.TextField()
    key = models.TextField()
    magnitude = models.SmallIntegerField()

    class Meta:
        db_table = "counts_name"
        default_permissions = ()
        # A search for a frequent word reads nothing but this index.
        indexes = (_index("counts_name_top", "-magnitude", "key", "family", "entity_id"),)

    def __str__(self) -> str:
        return self.key


class NameWordRow(models.Model):
    """A word of a name."""

    pk = models.CompositePrimaryKey("word", "name_id")
    word = models.TextField()
    name = _reference(NameRow, "name")

    class Meta:
        db_table = "counts_name_word"
        default_permissions = ()

    def __str__(self) -> str:
        return self.word


class EntityDayRow(models.Model):
    """How often, and in how many posts, a publication mentions an entity on a day."""

    pk = models.CompositePrimaryKey("entity_id", "day")
    entity = _reference(EntityRow, "entity")
    day = models.CharField(max_length=10)
    publication = _reference(PublicationRow, "publication")
    mentions = models.BigIntegerField()
    posts = models.BigIntegerField()

    class Meta:
        db_table = "counts_entity_day"
        default_permissions = ()
        # A list within days reads nothing but this index.
        indexes = (_index("counts_window", "publication", "day", "entity", "mentions", "posts"),)

    def __str__(self) -> str:
        return self.day


class PackRow(models.Model):
    """
    What the entities of a publication add up to in a period; see packs.py.

    `period` is an ISO date, or the beginning of one: that of a month, of a year, or of all days.
    The pack of all days is true while its `as_of` is the publication's `changed_at`; others have
    no `as_of`. An older version deletes the others and does not know this one.
    """

    pk = models.CompositePrimaryKey("publication_id", "period")
    publication = _reference(PublicationRow, "publication")
    period = models.CharField(max_length=10)
    entities = models.BinaryField()
    as_of = models.DateTimeField(null=True)

    class Meta:
        db_table = "counts_pack"
        default_permissions = ()

    def __str__(self) -> str:
        return self.period


class EntityFormRow(models.Model):
    """How often a publication writes an entity in a form."""

    pk = models.CompositePrimaryKey("entity_id", "form")
    entity = _reference(EntityRow, "entity")
    form = models.TextField()
    mentions = models.BigIntegerField()

    class Meta:
        db_table = "counts_entity_form"
        default_permissions = ()

    def __str__(self) -> str:
        return self.form


class EntityLabelRow(models.Model):
    """How often an entity of a publication has a label."""

    pk = models.CompositePrimaryKey("entity_id", "label")
    entity = _reference(EntityRow, "entity")
    label = models.TextField()
    mentions = models.BigIntegerField()

    class Meta:
        db_table = "counts_entity_label"
        default_permissions = ()

    def __str__(self) -> str:
        return self.label


class PostEntityRow(models.Model):
    """An entity in a post: the index for the posts that mention it, by day."""

    pk = models.CompositePrimaryKey("entity_id", "day", "post_id")
    entity = _reference(EntityRow, "entity")
    day = models.CharField(max_length=10)
    post = _reference(PostRow, "post")

    class Meta:
        db_table = "counts_post_entity"
        default_permissions = ()

    def __str__(self) -> str:
        return self.day


class CheckpointRow(models.Model):
    """
    A sum over the forgotten posts of a publication.

    `tally` names a tally of an entity's counts, and `name` a day, form or label in it. The posts of
    the publication by day have no family and no key.
    """

    pk = models.CompositePrimaryKey("publication_id", "family", "key", "tally", "name")
    publication = _reference(PublicationRow, "publication")
    family = models.TextField()
    key = models.TextField()
    tally = models.CharField(max_length=10)
    name = models.TextField()
    number = models.BigIntegerField()

    class Meta:
        db_table = "counts_checkpoint"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key} {self.tally} {self.name}"
