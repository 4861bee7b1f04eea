"""The web process's way in."""

import gc
import os

import django

from .lib import orphans
from .web.handler import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")
orphans.end_with_parent()  # this runs in each of the server's workers
django.setup(set_prefix=False)
application = Handler()

# What is loaded by now stays: a collection need not walk it again, and few requests leave anything to collect.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
