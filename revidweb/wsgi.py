"""The web process's way in."""

import os

from django.core.wsgi import get_wsgi_application

from .lib import orphans

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")
orphans.end_with_parent()  # this runs in each of the server's workers
application = get_wsgi_application()
