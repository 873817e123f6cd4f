"""Figures with intervals, and the operating points chosen from them. Knows nothing of Django."""
