"""revidweb: a self-hosted dashboard for AI image and video generation."""

from .celery import app as celery_app

__all__ = ["celery_app"]
