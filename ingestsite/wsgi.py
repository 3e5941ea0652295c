"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ingestsite.settings")

application = get_wsgi_application()

reverse("metrics")  # it imports all pages, so that the first request need not
