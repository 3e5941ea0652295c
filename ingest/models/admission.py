"""Admission control with RabbitMQ: who paused the intake, and which requests are in flight."""

from django.db import models


class IntakePause(models.Model):
    """A pause of the intake by one owner; the embedded broker keeps its own."""

    owner = models.CharField(max_length=20, unique=True)

    class Meta:
        default_permissions = ()
        permissions = (("drain", "Can drain and resume"),)

    def __str__(self) -> str:
        return self.owner


class InFlightRequest(models.Model):
    """A request that may be publishing posts; the row expires if the web process dies."""

    name = models.CharField(max_length=32, unique=True)
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
