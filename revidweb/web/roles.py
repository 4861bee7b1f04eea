"""What each role may do, in a few words for those who give it or get it."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Role

MEANINGS: dict[Role, str | Promise] = {
    Role.OWNER: _("Everything, owners included"),
    Role.ADMIN: _("Members, credits and settings"),
    Role.USER: _("Creates with their own credits"),
}
