"""Operating system processes: shutdown, parent death, memory at a fork, time limits; no Django."""
