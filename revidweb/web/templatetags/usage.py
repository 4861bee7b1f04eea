"""Figures of usage as its table writes them."""

from django import template
from django.utils import formats

from revidweb.lib import axes
from revidweb.stats.values import Sums
from revidweb.web import usage_words
from revidweb.web.templatetags.house import figure

register = template.Library()


@register.filter
def percent(rate: float | None) -> str:
    """A rate of 0 to 100: "98.1 %"; a dash for None."""
    return "–" if rate is None else axes.percentages()(rate)


@register.filter
def one_place(number: float | None) -> str:
    """An average: "30.4"; a dash for None."""
    return "–" if number is None else formats.number_format(round(number, 1), decimal_pos=1, force_grouping=True)


@register.filter
def upstream_credits(sums: Sums) -> str:
    """What upstream took, in its whole credits."""
    return figure(round(usage_words.upstream_credits(sums)))
