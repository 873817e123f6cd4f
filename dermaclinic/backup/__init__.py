"""Backups: the database and the vault in one sealed archive, the keys apart, and the way back.

Nothing here needs Django: a restore begins where nothing else runs.
"""
