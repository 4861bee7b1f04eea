"""Every address: the fronts' patterns joined."""

from django.urls import include, path

urlpatterns = [
    path("", include("revidweb.api.urls")),
    path("", include("revidweb.web.urls")),
]
handler400 = "revidweb.web.views.errors.bad_request"
handler403 = "revidweb.web.views.errors.forbidden"
handler404 = "revidweb.web.views.errors.not_found"
handler500 = "revidweb.web.views.errors.server_error"
