"""Every task, where Celery looks for them."""

from workers import default, inference

__all__ = ["default", "inference"]
