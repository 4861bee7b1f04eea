"""The pages' addresses."""

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path, re_path

from .views import (
    create,
    credits,
    gallery,
    health,
    home,
    jobs,
    live,
    media,
    members,
    models,
    overview,
    settings,
    signup,
    styleguide,
    theme,
    uploads,
)

# Of allauth's pages those that the house offers: each further one would be a way in that nobody looks at.
account_patterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("signup/", signup.signup, name="account_signup"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("email/", account.email, name="account_email"),
    path("confirm-email/", account.email_verification_sent, name="account_email_verification_sent"),
    path("confirm-email/<str:key>/", account.confirm_email, name="account_confirm_email"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include(account_patterns)),
    path("", home.home, name="home"),
    path("theme/", theme.theme, name="theme"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("t/<slug:tenant_slug>/accent.css", theme.accent_stylesheet, name="accent"),
    path("t/<slug:tenant_slug>/members/", members.members, name="members"),
    path("t/<slug:tenant_slug>/members/<slug:member_id>/role/", members.role, name="member_role"),
    path("t/<slug:tenant_slug>/members/<slug:member_id>/grant/", members.grant, name="member_grant"),
    path("t/<slug:tenant_slug>/members/<slug:member_id>/suspend/", members.suspend, name="member_suspend"),
    path("t/<slug:tenant_slug>/members/<slug:member_id>/restore/", members.restore, name="member_restore"),
    path("t/<slug:tenant_slug>/members/<slug:member_id>/remove/", members.remove, name="member_remove"),
    path("t/<slug:tenant_slug>/leave/", members.leave, name="leave"),
    path("t/<slug:tenant_slug>/settings/", settings.settings, name="settings"),
    path("t/<slug:tenant_slug>/settings/logo/", settings.logo, name="settings_logo"),
    path("t/<slug:tenant_slug>/settings/logo/remove/", settings.logo_remove, name="settings_logo_remove"),
    path("t/<slug:tenant_slug>/create/<slug:kind>/", create.create, name="create"),
    path("t/<slug:tenant_slug>/create/<slug:kind>/options/", create.options, name="create_options"),
    path("t/<slug:tenant_slug>/credits/", credits.credits, name="credits"),
    path("t/<slug:tenant_slug>/gallery/", gallery.gallery, name="gallery"),
    path("t/<slug:tenant_slug>/gallery/<slug:output_id>/", gallery.output, name="output"),
    path("t/<slug:tenant_slug>/gallery/<slug:output_id>/favourite/", gallery.favourite, name="output_favourite"),
    path("t/<slug:tenant_slug>/gallery/<slug:output_id>/delete/", gallery.delete, name="output_delete"),
    path("t/<slug:tenant_slug>/", overview.overview, name="overview"),
    path("t/<slug:tenant_slug>/jobs/", jobs.jobs, name="jobs"),
    path("t/<slug:tenant_slug>/jobs/<slug:job_id>/", jobs.job, name="job"),
    path("t/<slug:tenant_slug>/jobs/<slug:job_id>/cancel/", jobs.cancel, name="job_cancel"),
    path("t/<slug:tenant_slug>/jobs/<slug:job_id>/retry/", jobs.retry, name="job_retry"),
    path("t/<slug:tenant_slug>/models/", models.models, name="models"),
    path("t/<slug:tenant_slug>/live/", live.live, name="live"),
    path("t/<slug:tenant_slug>/media/<slug:file_id>/<slug:variant>/", media.media, name="media"),
    path("t/<slug:tenant_slug>/logo/", media.logo, name="logo"),
    path("t/<slug:tenant_slug>/uploads/", uploads.uploads, name="uploads"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
