"""Every task, where Celery looks for them, and what a worker does when it starts."""

from workers import default, inference, startup

__all__ = ["default", "inference", "startup"]
