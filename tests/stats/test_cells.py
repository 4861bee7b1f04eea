"""Reading cells: several that are wanted come of one query, one by one or summed, stretch by stretch."""

from datetime import timedelta

import pytest

from revidweb.lib import clock
from revidweb.stats import cells, counting
from revidweb.stats.cells import Wanted
from revidweb.stats.models import Dimension, Grain
from revidweb.stats.values import Scope, Span, Sums

from .makers import End, a_studio, at, ended

pytestmark = pytest.mark.django_db
TODAY = clock.now().date()
YESTERDAY = TODAY - timedelta(days=1)
DAYS = [(Grain.DAY, Span(YESTERDAY, YESTERDAY)), (Grain.DAY, Span(TODAY, TODAY))]


@pytest.fixture
def studio():
    made = a_studio()
    ends = [End(at(TODAY), credits=3), End(at(TODAY), credits=4, model=1), End(at(YESTERDAY), credits=5, key=1)]
    ended(made, ends)
    counting.tick()
    return made


def credits(rows):
    return sorted((row.name, row.day, Sums(tuple(row.figures)).credits) for row in rows)


def test_what_is_wanted_comes_under_its_name_of_one_query(studio, django_assert_num_queries):
    scope, first = Scope(studio.tenant), [str(studio.models[0].pk)]
    wanted = (Wanted("all", scope, Dimension.ALL, DAYS), Wanted("first", scope, Dimension.MODEL, DAYS, first))
    with django_assert_num_queries(1):
        found = credits(cells.read(*wanted))
    assert found == [("all", YESTERDAY, 5), ("all", TODAY, 7), ("first", YESTERDAY, 5), ("first", TODAY, 3)]


def test_sums_are_of_each_value_in_each_stretch(studio):
    week = [(Grain.DAY, Span(TODAY - timedelta(days=6), TODAY))]
    wanted = Wanted("models", Scope(studio.tenant), Dimension.MODEL, week, is_summed=True)
    assert credits(cells.read(wanted)) == [("models", None, 4), ("models", None, 8)]
    assert len(list(cells.read(Wanted("models", wanted.scope, Dimension.MODEL, DAYS, is_summed=True)))) == 3


def test_a_statement_that_is_kept_serves_other_scopes_and_days(studio):
    key, member = studio.keys[0].pk, studio.members[1].pk
    of_today = [(Grain.DAY, Span(TODAY, TODAY))]
    for scope, days, found in (
        (Scope(studio.tenant, key=key), [DAYS[0]], [5]),
        (Scope(studio.tenant, key=key), of_today, []),
        (Scope(studio.tenant, member=member), [DAYS[0]], [5]),
        (Scope(a_studio().tenant), of_today, []),
    ):
        rows = cells.read(Wanted("", scope, Dimension.ALL, days))
        assert [Sums(tuple(row.figures)).credits for row in rows] == found
