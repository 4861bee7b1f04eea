"""Every Refusal's sentence, in one table: what is refused, why, and what to do. Each room's codes stand together.

A sentence names the refusal's facts as %(name)s; whole numbers get the reader's thousands separator. Where a number
decides between singular and plural, the sentence is an `ngettext_lazy` whose last argument is that fact's name. A code
that means something else at one field has a sentence of its own there, under "field.code".
"""

from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from revidweb.catalog import labels
from revidweb.lib.refusal import Refusal

SENTENCES: dict[str, str | Promise] = {
    # jobs
    "empty_prompt": _("Write what you want to see."),
    "prompt_too_long": _("The prompt has %(length)s characters; %(most)s is the most."),
    "bad_count": _("Choose between 1 and %(most)s at once."),
    "token_reused": _("This form was sent already with other contents. Look at Jobs, then send it again."),
    "unknown_input": _("This picture is no longer here. Pick another one."),
    "already_ended": _("This job has ended already."),
    "cannot_cancel": _("This job cannot be stopped at this moment. Try again in a few seconds."),
    "wrong_media": _("The result is not of the kind that was asked for."),
    "still_running": _("This job is still running."),
    # catalog
    "unknown_model": _("There is no model of this name. Choose one from the list."),
    "not_offered": _("%(model)s is not offered yet. Choose another model."),
    "wrong_kind": _("%(model)s makes something else. Choose a model from the list."),
    "model_unavailable": _("No connection offers %(model)s now. Choose another model."),
    "needs_input_image": _("%(model)s starts from a picture. Add an input image."),
    "takes_no_input_image": _("%(model)s works from text alone. Take the picture out, or choose another model."),
    "too_many_inputs": ngettext_lazy(
        "%(model)s starts from %(most)s picture at most. Take the others out, or choose another model.",
        "%(model)s starts from %(most)s pictures at most. Take the others out, or choose another model.",
        "most",
    ),
    "not_taken": _("This model has no such choice."),
    "not_a_choice": _("%(value)s is not a choice here. Possible: %(choices)s."),
    "impossible": _("%(value)s is not possible together with the rest. Possible: %(choices)s."),
    "no_audio": _("This combination has no sound. Turn sound off, or choose another resolution, speed or server."),
    "needs_duration": _("Choose how long it is to be."),
    # accounts
    "not_allowed": _("Your role does not allow this. Ask an owner of the tenant."),
    "unknown_role": _("Choose one of the roles in the list."),
    "owners_only": _("Only an owner can make, change or remove owners. Ask one of them."),
    "last_owner": _("This is the last owner. Make someone else an owner first."),
    "not_yourself": _("You cannot suspend yourself. Leave the tenant, or ask another owner or admin."),
    "member_removed": _("They are no longer a member. Restore them first."),
    "name_needed": _("Give the tenant a name."),
    "name_too_long": ngettext_lazy(
        "The name is longer than %(most)s character.", "The name is longer than %(most)s characters.", "most"
    ),
    "unknown_time_zone": _("Choose a time zone from the list."),
    "form_already_used": _(
        "This form has already granted credits. Look at the member's balance before you send it again."
    ),
    "bad_accent": _("Write the colour as # and six hex digits, #3b6fd4."),
    "bad_email": _("Write an e-mail address, such as ada@example.com."),
    "already_member": _("This address belongs to a member already."),
    "member_suspended": _("This address belongs to a suspended member. Let them in again under Members."),
    "bad_days": _("Write a whole number of days from 1 to %(most)s."),
    "bad_uses": _("Write a whole number of people from 1 to %(most)s."),
    "nobody_may_join": _("Nobody may join at the moment. An owner or admin can change that in the settings."),
    "too_many_mails": _("%(most)s invitations were mailed in the last hour. Wait a while, or invite by a link."),
    "invitation_over": _("This invitation is no longer good: it was used, revoked, or is too old. Ask for a new one."),
    "invited_before_removal": _(
        "You were removed from %(tenant)s after this invitation was made. Ask an owner or admin for a new one."
    ),
    "membership_ended": _(
        "Your membership in %(tenant)s has ended. Ask an owner or admin there to let you in again, or to invite you."
    ),
    "by_invitation_only": _("%(tenant)s is by invitation only. Open the link from the mail that invited you."),
    "suspended": _("Your membership in %(tenant)s is suspended. Ask one of its owners or admins."),
    "other_address": _("This invitation is for %(email)s. Sign in with that address."),
    "mail_not_sent": _("The mail could not be sent, and nobody was invited. Try again, or invite by a link."),
    "founding_closed": _("New tenants are founded by invitation here. Ask the operator of this installation."),
    "founded_enough": _("You have founded %(most)s tenants today. Try again tomorrow."),
    # connections
    "base_url.bad_address": _("This is no address of an API. Write it as https://ai.revidapi.com/v1."),
    "base_url.private_address": _("%(host)s is not an address on the open internet, so it is not dialled."),
    "connection_name_needed": _("Give the connection a name."),
    "unknown_provider": _("Choose one of the providers in the list."),
    "plain_http": _("Write the address with https://: over http:// everybody on the way could read the key."),
    "key_needed": _("Paste the key."),
    "bad_key": _("This is not a key: it has spaces or signs that keys never have. Copy it once more."),
    "wrong_key": _("%(host)s does not take this key. Copy it once more, and see that it is not switched off."),
    "key_exhausted": _("%(host)s says that this account is out of credits. Fill it up, then try again."),
    "key_locked": _("%(host)s says that this account is locked. Ask the provider, or use another key."),
    "unreachable": _("%(host)s gave no answer. Check the address, or try again in a minute."),
    "provider_busy": _("%(host)s has no time at this moment. Try again in a minute."),
    "not_the_provider": _("What answers at %(host)s is not this provider. Check the address: it usually ends in /v1."),
    "tries_under_way": _("Two addresses are being tried for this tenant right now. Wait until they have answered."),
    "tries_of_others": _("Many addresses are being tried here at this moment. Try again in a minute."),
    "tried_too_often": ngettext_lazy(
        "You have tried %(most)s address in an hour. Wait a while.",
        "You have tried %(most)s addresses in an hour. Wait a while.",
        "most",
    ),
    "too_many_connections": ngettext_lazy(
        "A tenant has %(most)s connection at most. Remove one first.",
        "A tenant has %(most)s connections at most. Remove one first.",
        "most",
    ),
    "connection_exists": _("Another connection uses this key already."),
    "connection_removed": _("This connection was removed. Add it anew."),
    "connection_busy": ngettext_lazy(
        "%(running)s job still runs there. Pause the connection, and remove it when that job has ended.",
        "%(running)s jobs still run there. Pause the connection, and remove it when they have ended.",
        "running",
    ),
    "preview_stays": _("Preview cannot be removed. Switch it off instead."),
    "unknown_policy": _("Choose one of the three."),
    "bad_host": _("Write a public host name alone, such as studio.example.com: no https://, no port, no address."),
    "private_host": _("Names with this ending cannot be reached from the open internet. Use one of your own domain."),
    "host_is_ours": _("This name belongs to the installation itself. Use one of your own domain."),
    "host_taken": _("This name is in use already."),
    "host_in_use": _("%(name)s is in use. Withdraw it first."),
    # reports
    "cannot_reconcile": _("This provider keeps no log of credits that could be read."),
    "bad_range": _("Choose days that have been, from the first to the last, %(most)s at most."),
    "decided_already": _("This difference was dealt with already."),
    "moved_on": _("Our book says something else by now. Reconcile again, then look."),
    "not_remediable": _("This cannot be done about it."),
    "account_silent": _("The account gave no answer about this job. Try again in a minute."),
    "adopted_already": _("This job is known here already."),
    "not_completed": _("The account does not say that this job is done, or where its result is. It cannot be adopted."),
    "looked_for": _(
        "One of our own orders is the same and is still looked for. It may be this job: wait until it is found."
    ),
    "model_unknown_there": _("%(model)s is not among the models of this connection, so it cannot be adopted."),
    "no_late_success": _("There is no late result to adopt."),
    # keys
    "unknown_key_kind": _("Choose one of the three kinds."),
    "too_many_keys": ngettext_lazy(
        "There is %(most)s key already, and no more are possible. Revoke one that nobody uses.",
        "There are %(most)s keys already, and no more are possible. Revoke one that nobody uses.",
        "most",
    ),
    "rotated_already": _("It was rotated already. Rotate it again for another secret."),
    "paused_by_another": _("Somebody who manages keys paused this one. Ask them to let it in again."),
    "key_name_needed": _("Give the key a name."),
    "key_name_too_long": ngettext_lazy(
        "The name is longer than %(most)s character.", "The name is longer than %(most)s characters.", "most"
    ),
    "limit_out_of_range": _("Write a whole number from %(least)s to %(most)s, or leave it empty."),
    "running_limit_needed": _("A queue limit needs this one too."),
    "expiry_passed": _("This moment has passed. Choose a later one."),
    "unknown_kind": _("%(value)s is no kind of media."),
    "bad_network": _("%(value)s is no address or network. Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."),
    "bad_model_name": _("Choose the models from the list."),
    "too_many_names": ngettext_lazy("At most %(most)s is possible.", "At most %(most)s are possible.", "most"),
    "grace_out_of_range": _("Choose how long the old secret still works from the list."),
    "no_own_wallet": _("This key has no credits of its own: it spends what its member spends."),
    "other_origin": _(
        "The house filled this key, and what is left in it goes back there. Make a new key to fill it with your own "
        "credits."
    ),
    "key_form_used": _("This form has already filled the key. Look at its budget before you send it again."),
    "day_limit": _(
        "This costs %(needed)s credits, and %(left)s are left to this key today. It may spend more in %(wait)s."
    ),
    "week_limit": _(
        "This costs %(needed)s credits, and %(left)s are left to this key this week. It may spend more in %(wait)s."
    ),
    "month_limit": _(
        "This costs %(needed)s credits, and %(left)s are left to this key this month. It may spend more in %(wait)s."
    ),
    "key_budget": _(
        "This costs %(needed)s credits, and %(free)s are left in this key's budget. Ask whoever gave you the key to "
        "fill it up."
    ),
    "payer_cannot_pay": _(
        "This costs %(needed)s credits, more than there is for this key at the moment. Ask whoever gave it to you."
    ),
    "key_session_over": _("Your session has ended. Sign in again with your key."),
    "key_is_ours": _("This key was made here. Sign in with it instead: it opens more than this page."),
    "key_missing": _("Paste the key."),
    "key_unknown": _("Nothing here opens with this key. Copy it once more."),
    "key_revoked": _("This key was revoked. Ask whoever gave it to you for a new one."),
    "key_expired": _("This key has expired. Ask whoever gave it to you for a new one."),
    "key_paused": _("This key is paused. Ask whoever gave it to you."),
    "key_suspended": _("The member whose key this is is suspended. Ask an owner or admin of the tenant."),
    "address_not_allowed": _("This key does not work from your address, %(address)s."),
    "kind_not_allowed": _("This key makes %(allowed)s only."),
    "model_not_allowed": _("This key is not allowed to use %(model)s. Allowed: %(allowed)s."),
    "key_rate": ngettext_lazy(
        "This key takes %(limit)s request a minute. Try again in %(retry_after_s)s s.",
        "This key takes %(limit)s requests a minute. Try again in %(retry_after_s)s s.",
        "limit",
    ),
    "window_limit": _("This costs %(needed)s credits; %(used)s of the %(most)s that this key has are used for now."),
    "lifetime_limit": _("This costs %(needed)s credits; %(used)s of the %(most)s that this key has are used."),
    "queue_full": _("This key has %(moving)s jobs under way already. Wait until some have ended."),
    # credits
    "credits_out_of_range": _("Write a whole number of credits from %(least)s to %(most)s."),
    "wallet_closed": _(
        "This wallet is closed: its member was removed, or its key revoked. Restore the member, or make a new key."
    ),
    "not_enough_credits": ngettext_lazy(
        "This costs %(needed)s credit, and %(free)s are free. Ask an owner or admin of the tenant for more.",
        "This costs %(needed)s credits, and %(free)s are free. Ask an owner or admin of the tenant for more.",
        "needed",
    ),
    "credits.not_enough_credits": ngettext_lazy(
        "Your wallet has %(free)s credit free. Write that at most, or ask an owner or admin of the tenant for more.",
        "Your wallet has %(free)s credits free. Write that at most, or ask an owner or admin of the tenant for more.",
        "free",
    ),
    "price_moved": ngettext_lazy(
        "One job costs %(now)s credit, and %(was)s were shown. Nothing was ordered: press again to agree.",
        "One job costs %(now)s credits, and %(was)s were shown. Nothing was ordered: press again to agree.",
        "now",
    ),
    # files
    "file_missing": _("Choose a file first."),
    "file_empty": _("The file is empty. Choose another one."),
    "file_cut_off": _("The file did not arrive whole. Send it again."),
    "uploads_too_many": ngettext_lazy(
        "You have brought %(most)s file in an hour. Wait a while, or use one that is here already.",
        "You have brought %(most)s files in an hour. Wait a while, or use one that is here already.",
        "most",
    ),
    "disk_full": _("Input images of this tenant take all of their %(max_mb)s MB. Ask the operator for more room."),
    "only_images": _("Only images are taken as inputs."),
    "upload_not_received": _("The file has not arrived yet. Send it first."),
    "upload_over": _("This upload has ended. Begin another one."),
    "upload_too_slow": _("The file came too slowly. Send it again over a better connection."),
    "upload_tried_out": ngettext_lazy(
        "The file was sent %(most)s time already. Begin another upload.",
        "The file was sent %(most)s times already. Begin another upload.",
        "most",
    ),
    "address_silent": _("The address does not answer. Try again later, or bring the file itself."),
    "file_too_large": _("The file is larger than %(max_mb)s MB. Choose a smaller one."),
    "file_unknown_type": _("This is not a picture that can be read here. Use PNG, JPEG or WebP."),
    "file_broken": _("The file is damaged or incomplete. Save it again, or choose another one."),
    "image_too_large": _(
        "The picture measures %(width)s × %(height)s pixels. At most %(max_px)s on a side are possible: scale it down."
    ),
    "image_bomb": _("The picture is far too large. At most %(max_px)s pixels on a side are possible: scale it down."),
    "image_animated": _("The picture is animated. Choose a still one."),
    "not_an_image": _("This is a clip. Choose a picture."),
    "clip_unplayable": _("Browsers cannot play this clip. Use H.264 in MP4, or VP9 in WebM."),
    "bad_address": _("This is not an address that we can fetch. Write it in full, starting with https://."),
    "private_address": _("%(host)s is not an address on the open internet, so it is not fetched."),
    "too_many_redirects": ngettext_lazy(
        "The address leads on more than %(most)s time. Use the picture's own address.",
        "The address leads on more than %(most)s times. Use the picture's own address.",
        "most",
    ),
    "address_answered": _("The address answered with status %(status)s. Check that it opens without signing in."),
    # webhooks
    "callback_needed": _("Write an address. The key has none of its own."),
    "receiver.bad_address": _(
        "This is not an address that webhooks can go to. Write it in full, starting with https://."
    ),
    "receiver.private_address": _("%(host)s is not an address on the open internet, so nothing is sent there."),
    "tests_too_many": ngettext_lazy(
        "%(most)s test was sent in the last hour, with this key or others of the same member. Wait a while.",
        "%(most)s tests were sent in the last hour, with this key or others of the same member. Wait a while.",
        "most",
    ),
    "delivery_forgotten": _("What was sent is no longer kept, so it cannot be sent again. Ask for the job instead."),
    "secret_unreadable": _("This signing secret cannot be read any more. Make a new one."),
    # library
    "output_in_use": _("A job that still runs starts from this result. Delete it when that job has ended."),
}


class _Count(int):
    """A whole number that reads with the reader's thousands separator and still chooses the plural."""

    def __str__(self) -> str:
        return str(number_format(int(self)))


def _readable(value: Any, field: str) -> Any:
    """A fact as a sentence takes it; the choices of a parameter by their labels."""
    if isinstance(value, list):
        return ", ".join(labels.of_value(field, choice) for choice in value)
    return _Count(value) if type(value) is int else value


def of(refusal: Refusal) -> str:
    """The sentence for a person, in their language."""
    facts = {name: _readable(value, refusal.field) for name, value in refusal.facts.items()}
    sentence = SENTENCES.get(f"{refusal.field}.{refusal.code}") or SENTENCES[refusal.code]
    return str(sentence % facts)


def put_on(form: forms.Form, refusal: Refusal) -> None:
    """Show the refusal at the field that it concerns, or above the form when the form has no such field."""
    form.add_error(refusal.field if refusal.field in form.fields else None, of(refusal))
