"""What every endpoint stands on: views, strict bodies, idempotency, cursor pages, problems.

It knows accounts and the audit only; each app's `api.py` builds on it.
"""
