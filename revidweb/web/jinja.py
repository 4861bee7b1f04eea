"""What a page holds many of, rows and tiles: `*.jinja`, beside the page that holds them.

Jinja2 compiles a template to Python and so writes a long table in a tenth of the time. A page, its frame and its
components but the tile are Django's templates; `{% rows "jobs/rows.jinja" %}` puts such a part into one, with all that
the page knows. Filters and tags of the house are the same ones in both; `address` stands for `{% url %}`.
"""

from typing import Any

from django.template.defaultfilters import capfirst, truncatechars
from django.utils.translation import gettext
from jinja2 import Environment, StrictUndefined, pass_context
from jinja2.runtime import Context

from revidweb.web import addresses, tiles
from revidweb.web.templatetags import house, keys


def environment(**options: Any) -> Environment:
    """For the setting `TEMPLATES`. What a template names and nobody gave is an error."""
    made = Environment(**options | {"undefined": StrictUndefined}, trim_blocks=True, lstrip_blocks=True)  # noqa: S701  (Django's options escape)
    made.filters |= house.register.filters | {"capfirst": capfirst, "truncatechars": _truncated}
    made.filters |= {"shape": tiles.shape, "words": tiles.words}
    made.globals |= {"_": gettext, "address": _address, "icon": house.icon, "badge": house.badge}
    made.globals |= {"ago": pass_context(keys.ago), "local_time": pass_context(house.local_time)}
    return made


def _truncated(text: str, most_chars: int) -> str:
    """As Django's filter, which counts for long also where the text stays whole."""
    return text if len(text) <= most_chars else truncatechars(text, most_chars)


@pass_context
def _address(context: Context, name: str, **words: str) -> str:
    """The address of a page of the actor's; see `addresses.of`."""
    return addresses.of(name, context["frame"].actor.place, **words)
