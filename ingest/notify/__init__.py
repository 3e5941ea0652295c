"""Notification: watches, events, and their delivery to webhooks."""
