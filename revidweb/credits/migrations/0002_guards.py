"""What the database itself forbids: see `credits/sql.py`."""

from django.db import migrations

from revidweb.credits import sql


def install(apps, schema_editor):
    sql.install(schema_editor.connection)


def remove(apps, schema_editor):
    sql.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
