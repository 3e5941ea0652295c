"""Django's PostgreSQL, with a client that leaves a server that no longer answers."""
