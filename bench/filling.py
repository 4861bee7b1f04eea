"""A database with many jobs and results, filled in a few statements: what the measurements of this folder share.

Import it after `django.setup()`.
"""

from django.db import connection, transaction

from revidweb.accounts.models import Member, Person, Role, Tenant
from revidweb.catalog.models import MediaModel, Offer
from revidweb.connections.models import Connection
from revidweb.credits.models import Wallet
from revidweb.jobs.models import Batch

MEMBERS, MODELS = 50, 40
GRANTED = 10_000_000  # to each member, before the first job
IS_POSTGRES = connection.vendor == "postgresql"

AT = (
    "timestamptz '2026-01-01 00:00:00+00' + i * interval '30 seconds'"
    if IS_POSTGRES
    else "strftime('%Y-%m-%d %H:%M:%f', 1767225600 + i * 30, 'unixepoch')"
)
SERIES = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
KIND = "CASE WHEN i % 5 = 0 THEN 'video' ELSE 'image' END"
PROMPT = (
    "'A harbour at blue hour, number ' || i || ', long lens, calm water, lanterns, ' "
    "|| CASE WHEN i % 250000 = 7 THEN 'ultramarine' ELSE 'cobalt' END"
)
INSERTS = (
    """INSERT INTO credits_transfer (id, tenant_id, kind, reference, actor, note, at)
    {series} SELECT i, {tenant}, 'capture', 'capture:job:job_' || i, 'system', '', {at} FROM n""",
    """INSERT INTO credits_entry (id, transfer_id, wallet_id, tenant_id, kind, credits, balance_after)
    {series} SELECT 2 * i, i, {wallet}, {tenant}, 'capture', -1, {balance} FROM n""",
    """INSERT INTO credits_entry (id, transfer_id, wallet_id, tenant_id, kind, credits)
    {series} SELECT 2 * i + 1, i, {spent}, {tenant}, 'capture', 1 FROM n""",
    """INSERT INTO credits_hold (id, wallet_id, credits, reference, state, captured, transfer_id, created_at, ended_at)
    {series} SELECT i, {wallet}, 1, 'job:job_' || i, 'captured', 1, i, {at}, {at} FROM n""",
    """INSERT INTO files_storedfile (id, public_id, tenant_id, member_id, key, purpose, kind, content_type, name,
    size_bytes, sha256, width, height, has_audio, path, thumb_path, poster_path, blur, created_at)
    {series} SELECT i, 'fil_' || i, {tenant}, {member}, '', 'output', {kind}, 'image/png', '', 1000, '', 1024, 768,
    {no}, 'o/' || i, 't/' || i, '', '', {at} FROM n""",
    """INSERT INTO jobs_job (id, public_id, tenant_id, member_id, batch_id, kind, mode, media_model_id, prompt, params,
    offer_id, connection_id, server, price_key, upstream_credits, credits, is_estimate, refunded, hold_id, state,
    progress, error_code, error, next_look_at, looks, misses, results, warnings, callback_url, late_looks, late_results,
    cover_id, created_at, started_at, ended_at, changed_at)
    {series} SELECT i, 'job_' || i, {tenant}, {member}, {batch}, {kind}, 't2i', {model}, {prompt}, '{{}}',
    {offer}, {connection}, 's1', '1k', 1, 1, {no}, 0, i, 'done', 100, '', '', {at}, 0, 0, '[]', '[]', '', 0, '[]', i,
    {at}, {at}, {at}, {at} FROM n""",
    """INSERT INTO jobs_output (id, public_id, job_id, position, tenant_id, member_id, kind, media_model_id, file_id,
    created_at) {series} SELECT i, 'out_' || i, i, 0, {tenant}, {member}, {kind}, {model}, i, {at} FROM n""",
)
BALANCES = f"""UPDATE credits_wallet SET balance = {GRANTED} - {{last}} / {MEMBERS} WHERE kind = 'member'"""


def found() -> dict[str, object]:
    """The few rows that all others point at, as the words that the inserts leave open."""
    tenant = Tenant.objects.create(slug="bench", name="Bench")
    people = [Person.objects.create_user(f"p{n}@bench.test", None) for n in range(MEMBERS)]
    roles = [Role.OWNER] + [Role.USER] * (MEMBERS - 1)
    members = [Member.objects.create(tenant=tenant, person=p, role=r) for p, r in zip(people, roles, strict=True)]
    models = [MediaModel.objects.create(name=f"m{n}", title=f"m{n}", kind="image") for n in range(MODELS + 1)]
    at_preview = Connection.objects.create(tenant=tenant, provider="preview", name="Preview")
    wallets = [Wallet.objects.create(tenant=tenant, kind="member", member=member) for member in members]
    rare, often = models[-1].pk, f"{models[0].pk} + i % {MODELS}"
    return {
        "tenant": tenant.pk,
        "member": f"{members[0].pk} + i % {MEMBERS}",
        "model": f"CASE WHEN i % 200000 = 11 THEN {rare} ELSE {often} END",
        "wallet": f"{wallets[0].pk} + i % {MEMBERS}",
        "balance": f"{GRANTED} - (i + {MEMBERS - 1}) / {MEMBERS}",
        "spent": Wallet.objects.create(tenant=tenant, kind="spent").pk,
        "batch": Batch.objects.create(tenant=tenant, member=members[0], count=1).pk,
        "offer": Offer.objects.create(media_model=models[0], connection=at_preview).pk,
        "connection": at_preview.pk,
        "at": AT,
        "kind": KIND,
        "prompt": PROMPT,
        "no": "false" if IS_POSTGRES else "0",
    }


@transaction.atomic
def fill(words: dict[str, object], *, first: int, last: int) -> None:
    """Rows first..last of the big tables, and fresh statistics where the database keeps them by itself.

    On PostgreSQL by a superuser: what triggers and foreign keys would look at row by row is right as it is written.
    """
    with connection.cursor() as cursor:
        if IS_POSTGRES:
            cursor.execute("SET LOCAL session_replication_role = replica")
        for insert in INSERTS:
            cursor.execute(insert.format(series=SERIES.format(first=first, last=last), **words))
        cursor.execute(BALANCES.format(last=last))
        if IS_POSTGRES:
            cursor.execute("ANALYZE")
