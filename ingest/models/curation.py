"""Curation by operators: aliases, patterns, and the backfills that apply aliases."""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from ingest.core.aliases import Replacement, has_cycle
from ingest.core.default_names import default_sets
from ingest.core.entity_names import FAMILIES, MAX_CHARACTERS, entity_key, entity_text, family
from ingest.core.posts import MAX_NAME_CHARACTERS, publication_key
from ingest.nlp.patterns import PatternNotChecked, SpacyPattern, problem_of, read_pattern

MAX_PATTERN_CHARACTERS = 2000


class Alias(models.Model):
    """
    A rule for one entity: it counts as another entity, or it is hidden.

    A replacement with the same key changes only the shown text. A rule without a publication is
    for all publications. A publication's own rule for the same entity takes precedence.
    """

    class State(models.TextChoices):
        ACCEPTED = "accepted", "accepted"
        PROPOSED = "proposed", "proposed"
        REJECTED = "rejected", "rejected"

    publication = models.CharField(
        max_length=MAX_NAME_CHARACTERS,
        blank=True,
        help_text="The publication of the rule. Empty: all publications.",
    )
    publication_key = models.CharField(
        max_length=MAX_NAME_CHARACTERS * 3, blank=True, editable=False
    )
    label = models.CharField(
        max_length=40,
        default="PERSON",
        help_text="Any label of the entity's family: PERSON, GPE, ORG, …",
    )
    name = models.CharField(max_length=MAX_CHARACTERS, help_text="Any form of the entity's name.")
    family = models.CharField(max_length=40, editable=False)
    key = models.CharField(max_length=MAX_CHARACTERS * 4, editable=False)
    becomes = models.CharField(
        max_length=MAX_CHARACTERS,
        blank=True,
        help_text="The name it is counted and shown as. Empty: the entity is hidden.",
    )
    becomes_label = models.CharField(
        max_length=40, blank=True, help_text="The label it is counted under. Empty: its own label."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACCEPTED)
    likeness = models.FloatField(null=True, editable=False)
    # The counts of both names, and a sentence of each, when the alias was proposed.
    evidence = models.TextField(blank=True, editable=False)
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
        """Refuse a name without a letter or digit, a second rule for an entity, and a cycle."""
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
            raise ValidationError({"becomes": "Other aliases lead from this name back to itself."})

    def normalize(self) -> None:
        """Fill in the fields that follow from others."""
        self.publication_key = publication_key(self.publication)
        self.family, self.key = family(self.label), entity_key(self.name)
        self.becomes = " ".join(self.becomes.split())

    @property
    def entity(self) -> tuple[str, str]:
        """The family and key the entity is counted under."""
        return self.family, self.key

    @property
    def moves(self) -> bool:
        """Whether the name counts under another one."""
        return self.target is not None and self.target.name(self.entity) != self.entity

    @property
    def shown_label(self) -> str:
        """The label that the name has afterwards."""
        return self.becomes_label or self.label

    @property
    def target(self) -> Replacement | None:
        """The replacement; None hides the entity."""
        return Replacement(self.becomes, self.becomes_label) if self.becomes else None


class DefaultNameSet(models.Model):
    """A set of default names, and whether it is on; without a row its file says so."""

    name = models.CharField(max_length=40, unique=True, editable=False)
    is_on = models.BooleanField("on")

    class Meta:
        verbose_name = "set of default names"
        verbose_name_plural = "default names"
        ordering = ("pk",)
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What the set does, in a sentence."""
        return next((own.title for own in default_sets() if own.name == self.name), self.name)


class RulesVersion(models.Model):
    """The version of the aliases, which each change raises: a single row."""

    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)


def labels_of_patterns() -> list[str]:
    """Return the labels that a pattern may have: the counted labels, and the families."""
    return sorted(settings.LABELS | FAMILIES)


class Pattern(models.Model):
    """
    An operator's pattern for entities: a phrase, or spaCy's token patterns in JSON.

    A change applies to new posts. `manage.py reprocess` applies it to saved ones.
    """

    label = models.CharField(max_length=40)
    pattern = models.CharField(
        max_length=MAX_PATTERN_CHARACTERS,
        unique=True,
        error_messages={"unique": "This pattern exists already."},
        help_text="A phrase, which is case-sensitive, or spaCy's token patterns: "
        '[{"LOWER": "deutsche"}, {"LOWER": "bahn"}].',
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("label", "pattern")

    def __str__(self) -> str:
        return f"{self.pattern} ({self.label})"

    def clean(self) -> None:
        """Refuse a label that does not count, a phrase that is not a name, and spaCy's problems."""
        if self.label not in labels_of_patterns():
            counted = ", ".join(labels_of_patterns())
            raise ValidationError({"label": f"Is not a counted label: {counted}."})
        if problem := self.problem():
            raise ValidationError({"pattern": problem})

    def problem(self) -> str:
        """Return the problem of the pattern, or ""; the first check of a pattern takes seconds."""
        try:
            return self._normalize() or problem_of(self.pattern_of_spacy)
        except PatternNotChecked as error:
            return str(error)

    def _normalize(self) -> str:
        """Bring the pattern into its canonical form; return its problem, or ""."""
        try:
            pattern = read_pattern(self.pattern)
        except ValueError as error:
            return str(error)
        self.pattern = pattern if isinstance(pattern, str) else json.dumps(pattern)
        if isinstance(pattern, str) and not entity_text(pattern, self.label):
            return "Is not a name: it needs 2 to 100 characters and a letter, and is no address."
        return ""

    @property
    def pattern_of_spacy(self) -> SpacyPattern:
        """The pattern as spaCy reads it."""
        return SpacyPattern(self.label, read_pattern(self.pattern))


class PatternSet(models.Model):
    """All patterns of one version; the version is the key, and posts name it."""

    patterns = models.JSONField()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "version of the patterns"
        verbose_name_plural = "versions of the patterns"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"version {self.pk}, {len(self.patterns)} patterns"


class ReprocessCancellation(models.Model):
    """A moment until which every reprocess is cancelled: workers skip its posts."""

    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.at)


class AliasBackfill(models.Model):
    """An alias backfill: it applies the newest rules to saved posts, step by step."""

    publication = models.CharField(max_length=MAX_NAME_CHARACTERS, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    total = models.PositiveIntegerField(null=True)
    seen = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    # The next step starts after this publication, or after this post of the next one.
    publication_done = models.CharField(max_length=MAX_NAME_CHARACTERS, default="", blank=True)
    post_done = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        ordering = ("-started_at",)

    def __str__(self) -> str:
        return f"{self.publication or 'all publications'}: {self.progress}"

    @property
    def progress(self) -> str:
        """The progress in words."""
        if self.problem:
            return self.problem
        if self.ended_at and not self.seen:
            return "done, there were no saved posts yet"
        if self.ended_at and not self.changed:
            return f"done, none of the {self.seen} saved posts had to change"
        if self.ended_at:
            return f"done, {self.changed} of {self.seen} saved posts count differently"
        if self.total is None:
            return "waits until every save worker knows the change"
        return f"{self.seen} of about {self.total} saved posts read, {self.changed} changed"
