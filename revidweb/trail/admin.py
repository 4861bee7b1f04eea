"""The trail, as the operator reads it."""

from django.contrib import admin

from revidweb.lib.readonly_admin import ReadOnly

from .models import TrailRow


@admin.register(TrailRow)
class TrailRowAdmin(ReadOnly):
    """What happened, newest first."""

    icon = "footprints"
    list_display = ("at", "what", "about", "actor", "facts")
    search_fields = ("about__exact", "tenant__exact")
    search_help_text = "A thing such as job:job_… or member:mem_…, or a tenant's id."
