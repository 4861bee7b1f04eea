"""`manage.py load_catalog`: the models of the data files, and their prices at every preview connection."""

from typing import Any

from django.core.management.base import BaseCommand

from revidweb.catalog import loading
from revidweb.catalog.models import MediaModel
from revidweb.connections.models import PREVIEW, Connection


class Command(BaseCommand):
    help = "Load the model catalogue and restock the preview connections; a second run changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        loading.load()
        connections = Connection.objects.filter(provider=PREVIEW)
        for connection in connections:
            loading.stock(connection)
        self.stdout.write(f"{MediaModel.objects.count()} models, {len(connections)} preview connections stocked.")
