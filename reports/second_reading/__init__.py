"""The second reader: which cases, blind reading, and the consensus of two who differ."""
