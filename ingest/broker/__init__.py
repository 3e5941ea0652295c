"""The broker: connections, publishing, admission control, rate limits and inspection."""
