"""The addresses of tenants' media hosts: signed ones alone, and no page. What is not there says nothing of us."""

from django.urls import URLPattern, URLResolver, path

from revidweb.api.endpoints.media import media

urlpatterns: list[URLPattern | URLResolver] = [path("v1/media/<str:file_id>/<str:ticket>/<str:name>", media)]
handler400 = handler403 = handler404 = handler500 = "revidweb.web.hosts.nothing_here"
