"""What lives in the relational database: keys and dead letters, nothing on the path of a post."""

import json
import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ingest.aliases import Becomes, ends_in_a_circle
from ingest.names import FAMILIES, LONGEST, entity_key, entity_text, family
from ingest.patterns import NotJudged, problem_of, read_pattern
from ingest.patterns import Pattern as SpacyPattern
from ingest.posts import NAME_LIMIT, publication_key

KEY_PREFIX = "ing_"
PATTERN_LIMIT = 2000  # characters


class Scope(models.TextChoices):
    """What a key allows."""

    SUBMIT = "submit", "submit posts"
    READ = "read", "read counts"
    OPERATE = "operate", "drain and resume"


def _all_scopes() -> list[str]:
    return list(Scope.values)


class ApiKey(models.Model):
    """A client's key; only its digest is kept, so it can be shown once."""

    name = models.CharField(max_length=100, unique=True)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=_all_scopes)
    # Those whose posts it may submit and delete; none: all of them.
    publications = models.JSONField(default=list, blank=True)
    # None: as many as the settings say.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)  # to the hour

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(key: str) -> str:
        """Return what is kept of a key: 256 random bits need no salt and no slow hash."""
        return sha256(key.encode()).hexdigest()

    @classmethod
    def create(cls, name: str, *, scopes: list[str], **limits: Any) -> tuple["ApiKey", str]:
        """Make a key, and return it with the secret, which nobody can read again."""
        row = cls(name=name, scopes=scopes, **limits)
        secret = row.give_secret()
        row.save(force_insert=True)
        return row, secret

    def give_secret(self) -> str:
        """Make up a secret, and return it; only what it is known by is kept."""
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        self.prefix, self.digest = secret[:8], self.digest_of(secret)
        return secret


class KeyUse(models.Model):
    """How many requests a key has made in its minute, where the broker cannot count them."""

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE)
    used = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.used}"


class GateHold(models.Model):
    """Who keeps the gate closed, where the broker itself cannot tell."""

    holder = models.CharField(max_length=20, unique=True)

    class Meta:
        default_permissions = ()
        permissions = (("drain", "Can drain and resume"),)

    def __str__(self) -> str:
        return self.holder


class GateLease(models.Model):
    """A request whose posts may be on their way to the queue."""

    name = models.CharField(max_length=32, unique=True)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Payload(models.JSONField):
    """
    Whatever was in a message, as text that is JSON in ASCII.

    PostgreSQL's own JSON has no place for a NUL, half a surrogate or not-a-number, and what is
    unreadable may hold any of them.
    """

    def get_internal_type(self) -> str:
        return "TextField"

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return None if value is None else json.loads(value)

    def get_db_prep_value(self, value: Any, *_: Any, **__: Any) -> str:
        return json.dumps(value)


class Step(models.TextChoices):
    """Where on its way a post was."""

    EXTRACT = "extract", "extract"
    SAVE = "save", "save"


class DeadLetter(models.Model):
    """A post that could not be processed, with all that a person needs to judge and replay it."""

    class Reason(models.TextChoices):
        FAILED = "failed", "raised an exception"
        TIMEOUT = "timeout", "ran over its time limit"
        KILLED = "killed", "ended the process that worked on it"
        REFUSED = "refused", "refused by the store"
        UNREADABLE = "unreadable", "not a message of ours"
        LANGUAGE = "language", "in a language without a model"

    post_id = models.CharField(max_length=64)
    publication = models.CharField(max_length=200)
    step = models.CharField(max_length=20, choices=Step.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    detail = models.TextField()
    trace = models.TextField(blank=True)
    attempts = models.PositiveIntegerField()
    payload = Payload()
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("post_id", "step"), name="one_letter_per_post"),
        )
        ordering = ("-last_at",)
        default_permissions = ("view",)
        permissions = (
            ("replay_deadletter", "Can replay dead letters"),
            ("discard_deadletter", "Can discard dead letters"),
        )

    def __str__(self) -> str:
        return f"{self.post_id}: {self.reason} at {self.step}"

    @property
    def accepted_at(self) -> datetime | None:
        """When the revision that died was accepted; None for what is no post."""
        return parse_datetime(str(self.payload.get("accepted_at")))

    @property
    def content(self) -> str:
        """The text of the post."""
        payload: dict[str, Any] = self.payload
        return str(payload.get("content", ""))


class Attempt(models.Model):
    """How often a post that was delivered again was begun: a process that dies cannot count."""

    post_id = models.CharField(max_length=64)
    step = models.CharField(max_length=20, choices=Step.choices)
    begun = models.PositiveIntegerField(default=0)
    process = models.CharField(max_length=300, default="")  # which began it last
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("post_id", "step"), name="one_count_per_post"),
        )

    def __str__(self) -> str:
        return f"{self.post_id}: begun {self.begun} times at {self.step}"


class AuditEntry(models.Model):
    """One thing that somebody did with the pipeline, its keys or its rules; nobody changes it."""

    class Via(models.TextChoices):
        ADMIN = "admin", "the admin"
        API = "api", "the API"
        COMMAND = "command", "a command"

    class What(models.TextChoices):
        DRAIN = "drain", "drained"
        RESUME = "resume", "resumed"
        REPLAY = "replay", "replayed"
        DISCARD = "discard", "discarded"
        ADD = "add", "added"
        CHANGE = "change", "changed"
        DELETE = "delete", "deleted"
        REVOKE = "revoke", "revoked"
        REPAIR = "repair", "repaired"
        REPROCESS = "reprocess", "reprocessed"

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField("who", max_length=200)
    via = models.CharField(max_length=10, choices=Via.choices)
    what = models.CharField(max_length=10, choices=What.choices)
    target = models.CharField(max_length=300, blank=True)
    detail = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "audit trail"
        ordering = ("-at", "-pk")
        default_permissions = ("view",)
        indexes = (models.Index(fields=("target",), name="audit_target"),)

    def __str__(self) -> str:
        return f"{self.actor} {self.get_what_display()} {self.target}".rstrip()


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
        max_length=NAME_LIMIT, blank=True, help_text="The one it is for; empty: for all."
    )
    publication_key = models.CharField(max_length=NAME_LIMIT * 3, blank=True, editable=False)
    label = models.CharField(
        max_length=40,
        default="PERSON",
        help_text="PERSON, GPE, ORG, …: any label of the family that the entity is counted in.",
    )
    name = models.CharField(max_length=LONGEST, help_text="The entity, in any of its forms.")
    family = models.CharField(max_length=40, editable=False)
    key = models.CharField(max_length=LONGEST * 4, editable=False)
    becomes = models.CharField(
        max_length=LONGEST, blank=True, help_text="What it is counted and shown as; empty: hidden."
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
        self.settle()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse a name that is none, a second rule for an entity, and rules in a circle."""
        self.settle()
        for field in ("name", "becomes"):
            if getattr(self, field) and not entity_key(getattr(self, field)):
                raise ValidationError({field: "Has no letter or digit."})
        others = Alias.objects.exclude(pk=self.pk)
        own = {"publication_key": self.publication_key, "family": self.family, "key": self.key}
        if others.filter(**own).exists():
            raise ValidationError({"name": "There is an alias for this entity already."})
        rows = others.filter(publication_key__in=("", self.publication_key))
        table = {a.entity: a.target for a in rows.filter(state=Alias.State.ACCEPTED)}
        if ends_in_a_circle({**table, self.entity: self.target}, self.entity):
            raise ValidationError({"becomes": "Becomes this entity again by other aliases."})

    def settle(self) -> None:
        """Fill in what follows from the rest."""
        self.publication_key = publication_key(self.publication)
        self.family, self.key = family(self.label), entity_key(self.name)
        self.becomes = " ".join(self.becomes.split())

    @property
    def entity(self) -> tuple[str, str]:
        """What the entity is counted under."""
        return self.family, self.key

    @property
    def target(self) -> Becomes | None:
        """What it becomes; None: it is hidden."""
        return Becomes(self.becomes, self.becomes_label) if self.becomes else None


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
        max_length=PATTERN_LIMIT,
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
        except NotJudged as error:
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


class Run(models.Model):
    """A run through saved posts, step by step, that brings them under the newest rules."""

    publication = models.CharField(max_length=NAME_LIMIT, blank=True)
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
