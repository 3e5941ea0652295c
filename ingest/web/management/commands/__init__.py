"""Commands of `manage.py` that write what the pages show."""
