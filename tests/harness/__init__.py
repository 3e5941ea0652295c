"""Programs with a command of their own, which run a whole stack and measure or disturb it."""

import tests.environment  # noqa: F401  (it chooses the ports before a setting is read)
