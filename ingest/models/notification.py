"""Watches, webhooks, and the events that they wait for."""

import base64
import secrets
from datetime import date, datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from ingest.core.entity_names import MAX_CHARACTERS, entity_id, entity_key, family
from ingest.core.posts import MAX_NAME_CHARACTERS, digest, publication_id
from ingest.models.api_keys import ApiKey

SECRET_PREFIX = "whsec_"  # noqa: S105
HOURS_OF_DAY = 24
MAX_WATCHES = 1000  # of a key, or of an account


def new_secret() -> str:
    """Return a secret as Standard Webhooks writes it: base64 of random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def new_address() -> str:
    """Return the part of a feed's address that cannot be guessed."""
    return secrets.token_urlsafe(24)


class Watch(models.Model):
    """What somebody waits for: posts of a name, of a publication, or of a name in one."""

    class Condition(models.TextChoices):
        ANY = "any", "any post"
        FIRST = "first", "the first post ever"
        MORE = "more", "more than so many posts in a window"
        RISING = "rising", "rising in a publication"

    name = models.CharField(
        max_length=MAX_CHARACTERS, blank=True, help_text="The name of an entity. Empty: any."
    )
    label = models.CharField(
        max_length=40, blank=True, help_text="Its label, such as PERSON, GPE or ORG."
    )
    publication = models.CharField(
        max_length=MAX_NAME_CHARACTERS, blank=True, help_text="Empty: every publication."
    )
    condition = models.CharField(max_length=10, choices=Condition.choices, default=Condition.ANY)
    more_than = models.PositiveIntegerField(
        default=0, help_text="Posts; only for the condition with a window."
    )
    hours = models.PositiveIntegerField(
        default=24,
        help_text="Length of a window. Windows begin at multiples of it, in UTC. "
        "What rises is judged by whole days.",
    )
    # The part of its feed's address that cannot be guessed.
    address = models.CharField(max_length=40, unique=True, default=new_address, editable=False)
    # Who made it: a key, an account on a page, or an editor in the admin, who leaves both empty.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, editable=False)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # What they are found by.
    entity_id = models.CharField(max_length=32, blank=True, editable=False, db_index=True)
    publication_id = models.CharField(max_length=32, blank=True, editable=False, db_index=True)

    class Meta:
        verbose_name_plural = "watches"

    def __str__(self) -> str:
        of = f" in {self.publication}" if self.publication else ""
        return f"{self.name or 'every name'}{of}: {self.get_condition_display()}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.find_ids()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def clean(self) -> None:
        """Refuse a watch on everything, a name without a label, and a window without an end."""
        if not (self.name or self.publication):
            raise ValidationError("Name an entity, a publication, or both.")
        if self.name and not (self.label and entity_key(self.name)):
            raise ValidationError("A name needs a letter or digit, and a label.")
        if not self.hours:
            raise ValidationError({"hours": "A window has at least one hour."})
        if self.condition == self.Condition.RISING and self.hours % HOURS_OF_DAY:
            raise ValidationError(
                {"hours": "What rises is judged by whole days: 24, 48 and so on."}
            )

    def find_ids(self) -> None:
        """Fill in the ids of the name and of the publication."""
        self.entity_id = entity_id(family(self.label), entity_key(self.name)) if self.name else ""
        self.publication_id = publication_id(self.publication) if self.publication else ""

    def window_of(self, moment: datetime) -> int:
        """Return the number of the window that a moment is in."""
        return int(moment.timestamp()) // (self.hours * 3600)

    @property
    def days(self) -> int:
        """The length of a window in whole days."""
        return max(1, self.hours // HOURS_OF_DAY)

    def days_of(self, day: date) -> int:
        """Return the number of the window of whole days that a day is in."""
        return day.toordinal() // self.days


class FeedAddress(models.Model):
    """The secret part of the addresses of an account's feeds, where pages need a login."""

    account = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    address = models.CharField(max_length=40, unique=True, default=new_address)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"feeds of {self.account}"


class WatchMatch(models.Model):
    """A post that counts for a window of a watch, once."""

    watch = models.ForeignKey(Watch, on_delete=models.CASCADE)
    window = models.BigIntegerField()
    post_id = models.CharField(max_length=32)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("watch", "window", "post_id"), name="one_match_per_post"
            ),
        )

    def __str__(self) -> str:
        return self.post_id


class Webhook(models.Model):
    """An address of a receiver, and the events that it gets."""

    class Event(models.TextChoices):
        WATCH = "watch.matched", "a watch matched"
        SAVED = "post.saved", "a post was saved"
        DEAD = "post.dead", "a post became a dead letter"
        DELETED = "post.deleted", "a post was deleted"

    url = models.URLField(max_length=500)
    events = models.JSONField(default=list)
    secret = models.CharField(max_length=100, default=new_secret, editable=False)
    # A key's webhook hears of its own posts and watches. Without a key, it hears of all watches.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.url


class Event(models.Model):
    """Something that happened, once: its id is made from what it is about."""

    id = models.CharField(max_length=32, primary_key=True)
    type = models.CharField(max_length=20, choices=Webhook.Event.choices)
    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, null=True)
    at = models.DateTimeField(default=timezone.now)
    data = models.JSONField()

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    @staticmethod
    def id_of(*about: object) -> str:
        """Return the id of an event from what it is about."""
        return digest("event", *map(str, about))


class EventDelivery(models.Model):
    """An event on its way to a webhook, with the last answer."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DELIVERED = "delivered", "delivered"
        FAILED = "failed", "given up"

    event = models.ForeignKey(Event, on_delete=models.CASCADE)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    status = models.PositiveIntegerField(null=True)
    answer = models.TextField(blank=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ("-pk",)
        default_permissions = ("view",)
        permissions = (("replay_delivery", "Can deliver again"),)
        constraints = (
            models.UniqueConstraint(fields=("event", "webhook"), name="one_delivery_per_webhook"),
        )
        indexes = (models.Index(fields=("state", "next_at"), name="deliveries_due"),)

    def __str__(self) -> str:
        return f"{self.event_id} to {self.webhook_id}"
