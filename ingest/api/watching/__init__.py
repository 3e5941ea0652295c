"""The HTTP API of watches and webhooks."""
