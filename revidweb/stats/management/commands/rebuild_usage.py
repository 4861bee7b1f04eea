"""`manage.py rebuild_usage`: count usage anew from the settlements."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from revidweb.accounts.models import Tenant
from revidweb.stats import counting


class Command(BaseCommand):
    help = "Count the usage of every tenant anew, or of those named by their addresses. It may run while jobs do."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="*", help="a tenant's address; all tenants where none is named")

    def handle(self, *args: Any, slug: list[str], **options: Any) -> None:
        tenants = Tenant.objects.order_by("pk")
        for tenant in tenants.filter(slug__in=slug) if slug else tenants:
            self.stdout.write(f"{tenant.slug}: {counting.rebuild(tenant)} jobs counted")
