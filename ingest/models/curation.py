"""What operators say of entities: aliases, patterns, and the backfills that apply aliases."""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from ingest.core.aliases import Replacement, has_cycle
from ingest.core.entity_names import FAMILIES, MAX_CHARACTERS, entity_key, entity_text, family
from ingest.core.posts import MAX_NAME_CHARACTERS, publication_key
from ingest.nlp.patterns import PatternNotChecked, SpacyPattern, problem_of, read_pattern

MAX_PATTERN_CHARACTERS = 2000  # characters


class Alias(models.Model):
    """
    What one entity is counted and shown as: under another name, or not at all.

    The same entity by another text is only shown under it. Without a publication it is a rule
    for all; a publication's own rule for the same entity goes first.
    """

    class State(models.TextChoices):
        ACCEPTED = "accepted", "accepted"
        PROPOSED = "proposed", "proposed"
        REJECTED = "rejected", "rejected"

    publication = models.CharField(
        max_length=MAX_NAME_CHARACTERS, blank=True, help_text="The one it is for; empty: for all."
    )
    publication_key = models.CharField(
        max_length=MAX_NAME_CHARACTERS * 3, blank=True, editable=False
    )
    label = models.CharField(
        max_length=40,
        default="PERSON",
        help_text="PERSON, GPE, ORG, …: any label of the family that the entity is counted in.",
    )
    name = models.CharField(max_length=MAX_CHARACTERS, help_text="The entity, in any of its forms.")
    family = models.CharField(max_length=40, editable=False)
    key = models.CharField(max_length=MAX_CHARACTERS * 4, editable=False)
    becomes = models.CharField(
        max_length=MAX_CHARACTERS,
        blank=True,
        help_text="What it is counted and shown as; empty: hidden.",
    )
    becomes_label = models.CharField(
        max_length=40, blank=True, help_text="The label it is counted under; empty: its own."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACCEPTED)
    likeness = models.FloatField(null=True, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "aliases"
        constraints = (
            models.UniqueConstraint(
                fields=("publication_key", "family", "key"), name="one_alias_per_entity"
            ),
        )
        ordering = ("publication_key", "family", "key")

    def __str__(self) -> str:
        return f"{self.name} ({self.family}): {self.becomes or 'hidden'}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.normalize()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse a name that is none, a second rule for an entity, and rules in a circle."""
        self.normalize()
        for field in ("name", "becomes"):
            if getattr(self, field) and not entity_key(getattr(self, field)):
                raise ValidationError({field: "Has no letter or digit."})
        others = Alias.objects.exclude(pk=self.pk)
        own = {"publication_key": self.publication_key, "family": self.family, "key": self.key}
        if others.filter(**own).exists():
            raise ValidationError({"name": "There is an alias for this entity already."})
        rows = others.filter(publication_key__in=("", self.publication_key))
        table = {a.entity: a.target for a in rows.filter(state=Alias.State.ACCEPTED)}
        if has_cycle({**table, self.entity: self.target}, self.entity):
            raise ValidationError({"becomes": "Becomes this entity again by other aliases."})

    def normalize(self) -> None:
        """Fill in what follows from the rest."""
        self.publication_key = publication_key(self.publication)
        self.family, self.key = family(self.label), entity_key(self.name)
        self.becomes = " ".join(self.becomes.split())

    @property
    def entity(self) -> tuple[str, str]:
        """What the entity is counted under."""
        return self.family, self.key

    @property
    def target(self) -> Replacement | None:
        """What it becomes; None: it is hidden."""
        return Replacement(self.becomes, self.becomes_label) if self.becomes else None


class RulesVersion(models.Model):
    """How often the aliases were changed: a single row."""

    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)


def labels_of_patterns() -> list[str]:
    """Return what a pattern can make of a text: the labels that are counted, and the families."""
    return sorted(settings.LABELS | FAMILIES)


class Pattern(models.Model):
    """
    What is an entity whatever a model says: a phrase, or token patterns of spaCy's in JSON.

    A change holds for what comes; `manage.py reprocess` brings it to what is saved.
    """

    label = models.CharField(max_length=40)
    pattern = models.CharField(
        max_length=MAX_PATTERN_CHARACTERS,
        unique=True,
        error_messages={"unique": "There is a pattern like this already."},
        help_text="A phrase, in capitals and small letters as they are; or token patterns of "
        'spaCy\'s: [{"LOWER": "deutsche"}, {"LOWER": "bahn"}].',
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("label", "pattern")

    def __str__(self) -> str:
        return f"{self.pattern} ({self.label})"

    def clean(self) -> None:
        """Refuse a label that is not counted, a phrase that is no name, and what spaCy refuses."""
        if self.label not in labels_of_patterns():
            raise ValidationError({"label": f"Is not counted: {', '.join(labels_of_patterns())}."})
        if problem := self.problem():
            raise ValidationError({"pattern": problem})

    def problem(self) -> str:
        """Return what is wrong with the pattern, or nothing; the first time takes seconds."""
        try:
            return self._settle() or problem_of(self.pattern_of_spacy)
        except PatternNotChecked as error:
            return str(error)

    def _settle(self) -> str:
        """Write the pattern in the one way that it is kept in; return what is wrong with it."""
        try:
            pattern = read_pattern(self.pattern)
        except ValueError as error:
            return str(error)
        self.pattern = pattern if isinstance(pattern, str) else json.dumps(pattern)
        if isinstance(pattern, str) and not entity_text(pattern, self.label):
            return "Is no name that is counted: of 2 to 100 characters, with a letter, no address."
        return ""

    @property
    def pattern_of_spacy(self) -> SpacyPattern:
        """The pattern as spaCy reads it."""
        return SpacyPattern(self.label, read_pattern(self.pattern))


class PatternSet(models.Model):
    """The patterns of one version, which is its key: what was looked for in posts that name it."""

    patterns = models.JSONField()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "version of the patterns"
        verbose_name_plural = "versions of the patterns"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"version {self.pk}, {len(self.patterns)} patterns"


class AliasBackfill(models.Model):
    """A run through saved posts, step by step, that brings them under the newest rules."""

    publication = models.CharField(max_length=MAX_NAME_CHARACTERS, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    total = models.PositiveIntegerField(null=True)
    seen = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    # Where the next step goes on: after this publication, or after this post of the next one.
    publication_done = models.CharField(max_length=64, default="", blank=True)
    post_done = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        ordering = ("-started_at",)

    def __str__(self) -> str:
        return f"{self.publication or 'all publications'}: {self.progress}"

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        if self.problem:
            return self.problem
        of = "" if self.total is None else f" of about {self.total}"
        ended = "" if self.ended_at is None else ", done"
        return f"{self.seen}{of} posts seen, {self.changed} changed{ended}"
