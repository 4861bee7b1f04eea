"""Entries name their tenant and kind, as their transfers do, and checkpoints sum them: see docs/ledger.md."""

import django.db.models.deletion
from django.db import migrations, models

from revidweb.credits import sql

FILL = """
UPDATE credits_entry SET
  tenant_id = (SELECT tenant_id FROM credits_transfer WHERE credits_transfer.id = credits_entry.transfer_id),
  kind = (SELECT kind FROM credits_transfer WHERE credits_transfer.id = credits_entry.transfer_id)
"""


def fill(apps, schema_editor):
    """Entries never change: for this once the guards are away, until the end of the migration."""
    sql.remove(schema_editor.connection)
    schema_editor.execute(FILL)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the table may not be altered in this transaction


def install(apps, schema_editor):
    sql.install(schema_editor.connection)


IS_METERED = models.Q(balance_after__isnull=False)
IS_MOVED = ~models.Q(kind="capture")
KINDS = [("grant", "grant"), ("capture", "capture"), ("transfer", "transfer")]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_doors"), ("credits", "0004_key_wallets")]
    operations = [
        migrations.AddField(
            model_name="entry",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.tenant",
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=8, null=True),
        ),
        migrations.RunPython(fill, install),
        migrations.AlterField(
            model_name="entry",
            name="tenant",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.tenant"
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=8),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(condition=IS_METERED, fields=["tenant", "-id"], name="entry_together"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(condition=IS_MOVED, fields=["wallet", "-id"], name="entry_moved"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(condition=IS_METERED & IS_MOVED, fields=["tenant", "-id"], name="entry_moved_together"),
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("shelf", models.CharField(choices=[("together", "together"), ("house", "house")], max_length=8)),
                ("after", models.BigIntegerField(help_text="The entry of the one before it; 0 for the first.")),
                ("balance", models.BigIntegerField(help_text="Of all entries up to this one.")),
                ("moved", models.BigIntegerField(help_text="What grants and transfers made of it, and no job.")),
                ("oldest_at", models.DateTimeField(help_text="Of its own stretch.")),
                ("newest_at", models.DateTimeField(help_text="Of its own stretch.")),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="checkpoint", to="credits.entry"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "shelf", "-entry"], name="checkpoint_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("shelf__in", ["together", "house"])), name="checkpoint_shelf_known"
                    )
                ],
            },
        ),
        migrations.RunPython(install, migrations.RunPython.noop),
    ]
