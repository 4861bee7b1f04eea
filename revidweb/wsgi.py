"""The web process's way in."""

import os

import django

from .lib import collecting, orphans
from .web.handler import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")
orphans.end_with_parent()  # this runs in each of the server's workers
django.setup(set_prefix=False)
application = Handler()
collecting.settle()
