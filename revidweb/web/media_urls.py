"""The addresses of tenants' media hosts: signed ones alone, and no page. What is not there says nothing of us."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
handler400 = handler403 = handler404 = handler500 = "revidweb.web.hosts.nothing_here"
