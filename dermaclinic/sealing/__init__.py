"""How bytes are sealed: keys, envelopes, columns, and long streams. Knows nothing of Django.

AES-256-GCM throughout. Each object has a data key of its own, wrapped by a key-encryption key of
the keyring; what a sealed thing *is* (its name, its row and column) is bound to it as associated
data, so that it opens nowhere else.
"""
