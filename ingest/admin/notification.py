"""Watches, webhooks and deliveries in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ingest.admin.audit import AuditedAdmin, ReadOnlyAdmin
from ingest.admin.lists import ListAdmin
from ingest.models import EventDelivery, Watch, Webhook
from ingest.models.notification import new_address
from ingest.notify import delivery


@admin.register(Watch)
class WatchAdmin(ListAdmin, AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Make and change watches, and see the addresses of their feeds."""

    list_display = ("__str__", "key", "account", "created_at", "feed")
    list_filter = ("condition",)
    search_fields = ("name", "publication")
    readonly_fields = ("feed",)
    actions = ("move",)

    @admin.display
    def feed(self, watch: Watch) -> SafeString | str:
        """Show the link to the watch's Atom feed."""
        if not watch.pk:
            return "-"
        return format_html('<a href="{}">Atom</a>', reverse("web:watch_feed", args=[watch.address]))

    @admin.action(description="Give the feeds new addresses", permissions=["change"])
    def move(self, request: HttpRequest, watches: "QuerySet[Watch]") -> None:
        """Change the addresses of feeds; the old ones end."""
        for watch in watches:
            watch.address = new_address()
            watch.save(update_fields=["address"])
        self.message_user(request, f"{len(watches)} feeds have new addresses.")


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a webhook, which refuses an address that is not public."""

    events = forms.MultipleChoiceField(choices=Webhook.Event.choices)

    def clean_url(self) -> str:
        """Refuse an address of a network that is not public."""
        try:
            delivery.public_address(self.cleaned_data["url"])
        except (delivery.AddressRefused, OSError, ValueError) as error:
            raise ValidationError(str(error)) from error
        return str(self.cleaned_data["url"])


@admin.register(Webhook)
class WebhookAdmin(ListAdmin, AuditedAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Make and change webhooks. One without a key hears of every watch."""

    form = WebhookForm
    list_display = ("url", "events", "key", "is_active", "created_at")
    list_filter = ("is_active",)
    readonly_fields = ("secret",)


@admin.register(EventDelivery)
class DeliveryAdmin(ListAdmin, ReadOnlyAdmin, admin.ModelAdmin):  # type: ignore[type-arg]
    """See each delivery with its answer, and deliver again."""

    list_display = ("event", "webhook", "state", "attempts", "status", "last_at", "next_at")
    list_filter = ("state", "webhook")
    fields = (*list_display, "answer", "message")
    actions = ("replay",)

    @admin.display
    def message(self, row: EventDelivery) -> SafeString:
        """Show what the webhook gets."""
        return format_html('<pre class="trace">{}</pre>', str(row.event.data))

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may deliver again."""
        return request.user.has_perm("ingest.replay_delivery")

    @admin.action(description="Deliver the selected ones again", permissions=["replay"])
    def replay(self, request: HttpRequest, deliveries: "QuerySet[Any]") -> None:
        """Make deliveries due again."""
        number = delivery.replay(EventDelivery.objects.filter(pk__in=deliveries.values("pk")))
        self.message_user(request, f"{number} are delivered again.")
