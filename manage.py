#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    if sys.argv[1:2] == ["load_posts"]:
        # The loader is a client, perhaps of another host, and must not read a server's settings.
        from ingest.loader.__main__ import main

        sys.exit(main(sys.argv[2:], name="manage.py load_posts"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingestsite.settings")
    execute_from_command_line(sys.argv)
