"""What a tenant's owner may ask: users, subscribers, revenue. Nothing of the vendor's is public but what each is for.

The people are made up, the same ones for an account at any time of a day; revenue is the sum of what they paid.
"""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import refusals
from .account import iso, page
from .http import Answer
from .script import Call

if TYPE_CHECKING:
    from .stand_in import StandIn

PEOPLE = 130
DAY_S = 86_400
OLDEST_DAYS = 300
NAMES = ("an", "binh", "chi", "dung", "giang", "hà", "khánh", "linh", "minh", "ngọc", "phúc", "quân", "thảo", "vy")


@dataclass(frozen=True)
class Plan:
    """What is sold. price: whole dollars for thirty days; credits: in each, 0 for as many as wanted."""

    name: str
    kind: str
    price: int
    credits: int = 0


PLANS = (Plan("Starter", "credit", 9, 1000), Plan("Pro", "credit", 29, 4000), Plan("Unlimited", "unlimited", 59))


@dataclass(frozen=True)
class Person:
    """One user, with a plan or none. payments: when each was made."""

    id: str
    name: str
    joined_at: float
    credits: int
    plan: Plan | None
    payments: tuple[float, ...]


def users(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/tenant/users?page=&limit=: those who registered, newest first."""
    return _refused(call) or page(call, "users", [_user_row(each) for each in _people(stand_in, call)])


def subs(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/tenant/subs?page=&limit=: those whose plan runs."""
    return _refused(call) or page(call, "subs", [_sub_row(each) for each in _people(stand_in, call) if each.plan])


def revenue(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/tenant/revenue: by month and by plan, which add up to the total."""
    if refused := _refused(call):
        return refused
    paid = [(iso(at)[:7], each.plan) for each in _people(stand_in, call) if each.plan for at in each.payments]
    by_month = [
        _month(month, [plan for other, plan in paid if other == month]) for month in sorted({m for m, _ in paid})
    ]
    by_plan = [
        {"plan": plan.name, "payments": count, "revenue": count * plan.price}
        for plan in PLANS
        if (count := sum(other is plan for _, other in paid))
    ]
    total = sum(plan.price for _, plan in paid)
    return Answer(200, {"currency": "USD", "total_revenue": total, "by_month": by_month, "by_plan": by_plan})


def _refused(call: Call) -> Answer | None:
    return None if call.account.is_owner else refusals.no(403, "Tenant owner key required")


def _people(stand_in: "StandIn", call: Call) -> list[Person]:
    today = stand_in.now() // DAY_S * DAY_S
    chance = random.Random(call.account.id)
    days = sorted(chance.sample(range(1, OLDEST_DAYS), PEOPLE))
    return [_person(chance, f"user_{9000 - day}", today - day * DAY_S, today) for day in days]


def _person(chance: random.Random, number: str, joined_at: float, today: float) -> Person:
    plan = chance.choice((None, None, *PLANS))
    payments = range(int(joined_at), int(today) + 1, 30 * DAY_S) if plan else ()
    return Person(number, chance.choice(NAMES), joined_at, chance.randrange(0, 5000), plan, tuple(map(float, payments)))


def _user_row(person: Person) -> dict[str, object]:
    return {
        "user_id": person.id,
        "username": f"{person.name}_{person.id[-4:]}",
        "email": f"{person.id}@example.com",
        "credits": person.credits,
        "plan": person.plan.name if person.plan else None,
        "created_at": iso(person.joined_at),
    }


def _sub_row(person: Person) -> dict[str, object]:
    plan = person.plan
    assert plan is not None
    return {
        "user_id": person.id,
        "username": f"{person.name}_{person.id[-4:]}",
        "plan": plan.name,
        "type": plan.kind,
        "price": plan.price,
        "credits_per_month": plan.credits or None,
        "started_at": iso(person.payments[0]),
        "expires_at": iso(person.payments[-1] + 30 * DAY_S),
    }


def _month(month: str, plans: list[Plan]) -> dict[str, object]:
    unlimited, credit = (sum(plan.price for plan in plans if plan.kind == kind) for kind in ("unlimited", "credit"))
    return {"month": month, "unlimited": unlimited, "credit": credit, "total": unlimited + credit}
