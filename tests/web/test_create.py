"""Create: an order is written, priced while it is written, and submitted."""

import re
from html import unescape

import pytest
from django.urls import reverse

from revidweb.catalog.models import MediaModel, Price
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.files import uploading
from revidweb.files.models import StoredFile
from revidweb.jobs import submit
from revidweb.jobs.models import Batch, Job
from revidweb.providers.base import Input, Kind, Mode, Order
from tests import makers
from tests.files.makers import an_upload, encoded
from tests.library.makers import an_output

from .create_page import CLIP, HTMX, IMAGE, address, button, error_above, sent, shown
from .jobs_pages import a_user
from .world import changed, everything

pytestmark = pytest.mark.django_db


def options(actor, kind: str = "image", **chosen: str) -> str:
    """The part with the choices and the price, for what is chosen."""
    path = reverse("create_options", args=[actor.tenant.slug, kind], query=chosen)
    answer = makers.a_client(actor.member).get(path, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def prompt_in(html: str) -> str:
    """What stands in the prompt field."""
    return unescape(re.search(r'<textarea name="prompt".*?>(.*?)</textarea>', html, re.DOTALL)[1].strip())


def is_checked(html: str, name: str, value: str) -> bool:
    return any(f'value="{value}" checked' in tag for tag in html.split("<input") if f'name="{name}"' in tag)


# -- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_page_offers_the_kinds_models_prompt_and_price(user, kind):
    page = shown(user, kind)
    assert 'name="prompt"' in page
    assert "<span>Image</span>" in page
    assert "<span>Video</span>" in page
    assert button(page).startswith("Generate · ")
    assert "left after" in page


@pytest.mark.parametrize("kind", ["motion", "avatar", "no-such"])
def test_other_kinds_are_not_there_yet(user, kind):
    client = makers.a_client(user.member)
    assert client.get(address(user, kind)).status_code == 404
    assert client.post(address(user, kind), IMAGE).status_code == 404
    assert client.get(address(user, kind) + "options/").status_code == 404


def test_the_model_used_last_is_picked_and_stands_on_top(user):
    sent(user, IMAGE)
    page = shown(user)
    assert is_checked(page, "model", "image-4.0")
    assert page.index('value="image-4.0"') < page.index('value="flux-2-pro"')


def test_models_that_are_not_offered_yet_cannot_be_picked(user):
    hidden = MediaModel.objects.filter(is_offered=False).values_list("name", flat=True)
    page = shown(user, "video")
    assert hidden
    assert [name for name in hidden if f'value="{name}"' in page] == []


def test_without_a_connection_the_page_says_so(owner):
    Connection.objects.update(is_enabled=False)
    page = shown(owner)
    assert "Nothing can be made here now" in page
    assert f'href="/t/{owner.tenant.slug}/connections/">' in page.partition("Nothing can be made here now")[2]


def test_without_a_connection_a_member_reads_who_can_change_that(user):
    Connection.objects.update(is_enabled=False)
    page = shown(user).partition("Nothing can be made here now")[2]
    assert "An owner or admin can change that." in page
    assert "/connections/" not in page


def test_what_runs_and_what_was_made_last_stand_beside_the_form(user):
    sent(user, IMAGE)
    an_output(user.member, prompt="A finished harbour")
    page = shown(user)
    assert "Paper boats at dusk" in page
    assert 'alt="A finished harbour"' in page


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_page_takes_at_most_twelve_queries(user, kind, django_assert_max_num_queries):
    for number in range(6):
        sent(user, IMAGE | {"token": f"form-{number}"})
        an_output(user.member)
    client = makers.a_client(user.member)
    with django_assert_max_num_queries(12):
        client.get(address(user, kind))


# -- the price -------------------------------------------------------------------------------------------------------


def test_the_price_follows_the_choices(user):
    assert button(options(user, model="image-4.0")) == "Generate · 4 credits"
    assert button(options(user, "video", model="kling-2.6", duration="5")) == "Generate · 15 credits"
    assert button(options(user, "video", model="kling-2.6", duration="10")) != "Generate · 15 credits"


def test_the_picker_shows_the_model_that_was_chosen(user):
    part = options(user, model="image-4.0")
    head = part[part.index('id="picked"') :].partition("</summary>")[0]
    assert "<b>Imagen 4.0</b>" in head


def test_the_price_is_that_of_the_whole_batch_and_says_what_is_left(user):
    part = options(user, model="image-4.0", count="6")
    assert button(part) == "Generate · 24 credits"
    assert "from your wallet, 76 left after" in part
    assert "6 × 4" in part


def test_the_house_pays_for_its_owner_and_the_page_says_so(owner):
    assert "paid by the house, 999,996 left after" in options(owner, model="image-4.0")


def test_what_cannot_be_paid_cannot_be_pressed_and_says_what_is_missing(owner):
    poor = a_user(owner, credits=3)
    part = options(poor, model="image-4.0")
    assert "1 credit short" in part
    assert "disabled" in part[part.index('id="generate"') :].partition(">")[0]


def test_an_impossible_combination_is_disabled_with_its_reason(user):
    part = options(user, "video", model="kling-2.6", speed="slow")
    sound = next(tag for tag in part.split("<label") if 'name="audio"' in tag and 'value="true"' in tag)
    assert "disabled" in sound
    assert "No sound at " in sound


def test_a_choice_that_the_next_model_does_not_have_gives_way(user):
    part = options(user, "video", model="kling-2.6", resolution="no-such", duration="99")
    assert button(part) == "Generate · 15 credits"


def test_the_price_writes_nothing(user):
    client = makers.a_client(user.member)
    before = everything()
    client.get(address(user) + "options/?model=image-4.0&count=8", headers=HTMX)
    assert changed(before) == []


# -- submitting ------------------------------------------------------------------------------------------------------


def test_a_form_becomes_a_batch_with_its_credits_held(user):
    answer = sent(user, IMAGE | {"count": "3"}, part=False)
    job = Job.objects.first()
    wallet = ledger.wallet_of(user.member)
    assert answer.status_code == 302
    assert (Batch.objects.get().count, Job.objects.count()) == (3, 3)
    assert (job.prompt, job.media_model.name, job.kind, job.mode) == (
        "Paper boats at dusk",
        "image-4.0",
        "image",
        "t2i",
    )
    assert (wallet.balance, wallet.held) == (100, 12)


def test_a_clip_is_ordered_with_every_parameter_explicit(user):
    sent(user, CLIP, kind="video")
    job = Job.objects.get()
    assert (job.kind, job.mode, job.credits) == ("video", "t2v", 15)
    assert (job.params["duration"], job.params["audio"]) == (5, False)


def test_without_scripts_the_page_comes_back_with_the_same_order(user):
    client = makers.a_client(user.member)
    page = client.post(address(user), IMAGE, follow=True).content.decode()
    assert prompt_in(page) == "Paper boats at dusk"
    assert f'id="card-{Job.objects.get().public_id}"' in page


def test_htmx_gets_the_form_with_its_prompt_and_the_new_cards(user):
    answer = sent(user, IMAGE | {"count": "2"})
    part = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in part
    assert prompt_in(part) == "Paper boats at dusk"
    assert [f'id="card-{job.public_id}"' in part for job in Job.objects.all()] == [True, True]
    assert 'value="form-1"' not in part  # the next submission is another one
    assert "92" in part  # the balance in the frame follows


def test_a_refused_form_keeps_what_was_written(user):
    answer = sent(user, CLIP | {"aspect_ratio": "7:3", "duration": "10", "count": "2"}, kind="video", part=False)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert prompt_in(page) == "Paper boats at dusk"
    assert is_checked(page, "model", "kling-2.6")
    assert is_checked(page, "duration", "10")
    assert is_checked(page, "count", "2")


def test_a_picture_makes_it_an_order_from_a_picture(user):
    sent(user, IMAGE | {"model": "nano-banana", "input_image": an_upload(encoded(), "harbour.png")})
    job = Job.objects.get()
    assert job.mode == "i2i"
    assert job.inputs.get().file.name == "harbour.png"


def test_an_address_is_fetched_later_and_never_in_the_request(user):
    sent(user, IMAGE | {"model": "nano-banana", "img_url": "https://pictures.example/a.png"})
    given = Job.objects.get().inputs.get()
    assert (given.url, given.file) == ("https://pictures.example/a.png", None)


def _costs(model: str, credits: int) -> None:
    Price.objects.filter(offer__media_model__name=model).update(credits=credits)


@pytest.mark.parametrize("part", [True, False])
@pytest.mark.parametrize("picture", [True, False])
def test_what_got_dearer_since_the_price_was_read_is_asked_for_again(user, part, picture):
    _costs("nano-banana", 4)
    assert 'name="shown" value="4"' in options(user, model="nano-banana")
    _costs("nano-banana", 9)
    order = IMAGE | {"model": "nano-banana", "count": "2", "shown": "4"}
    answer = sent(user, order | ({"input_image": an_upload(encoded())} if picture else {}), part=part)
    assert (answer.status_code, Job.objects.count(), StoredFile.objects.count()) == (422, 0, 0)
    assert (
        error_above(answer) == "One job costs 9 credits, and 4 were shown. Nothing was ordered: press again to agree."
    )
    page = answer.content.decode()
    assert (button(page), 'name="shown" value="9"' in page) == ("Generate · 18 credits", True)
    sent(user, order | {"shown": "9"}, part=part)
    assert [job.credits for job in Job.objects.all()] == [9, 9]


def test_what_got_cheaper_is_taken_at_its_price(user):
    sent(user, IMAGE | {"shown": "9"})
    assert Job.objects.get().credits == 4


def test_the_same_form_twice_is_one_batch_even_when_the_price_moved(user):
    sent(user, IMAGE | {"shown": "4"})
    _costs("image-4.0", 9)
    assert sent(user, IMAGE | {"shown": "4"}).status_code == 200
    assert Batch.objects.count() == 1


def test_a_price_in_thousands_is_one_that_a_form_can_carry(user):
    _costs("image-4.0", 12_000)
    assert 'name="shown" value="12000"' in options(user, model="image-4.0")


@pytest.mark.parametrize("shown", ["x", "1,000", "9" * 5000])
def test_a_price_that_is_none_is_asked_for_again(user, shown):
    answer = sent(user, IMAGE | {"shown": shown})
    assert (answer.status_code, error_above(answer) != "", Job.objects.count()) == (422, True, 0)


# -- making again ----------------------------------------------------------------------------------------------------


def test_remix_fills_the_form(user):
    sent(user, CLIP | {"duration": "10", "aspect_ratio": "9:16"}, kind="video")
    job = Job.objects.get()
    page = shown(user, "video", remix=job.public_id)
    assert prompt_in(page) == "Paper boats at dusk"
    assert is_checked(page, "model", "kling-2.6")
    assert is_checked(page, "duration", "10")
    assert is_checked(page, "aspect_ratio", "9:16")


def test_remix_takes_the_picture_along(user):
    picture = uploading.keep(user, an_upload(encoded()))
    order = Order(Kind.IMAGE, Mode.I2I, "nano-banana", "Boats", {}, inputs=(Input(file_id=picture.public_id),))
    job = submit.submit(user, order, count=1, token="t").jobs.get()
    assert f'name="input_file" value="{picture.public_id}"' in shown(user, remix=job.public_id)


def test_a_result_can_be_used_as_the_input(user):
    output = an_output(user.member)
    assert f'name="input_file" value="{output.file.public_id}"' in shown(
        user, model="nano-banana", input=output.file.public_id
    )


def test_a_deleted_picture_is_not_offered_again(user):
    picture = uploading.keep(user, an_upload(encoded()))
    type(picture).objects.update(deleted_at=picture.created_at)
    client = makers.a_client(user.member)
    assert client.get(address(user, input=picture.public_id)).status_code == 404


def test_too_few_credits_are_said_in_numbers(owner):
    answer = sent(a_user(owner, credits=3), IMAGE)
    assert error_above(answer).startswith("This costs 4 credits, and 3 are free.")
    assert not Job.objects.exists()
