"""From a folder of labelled images to a model package. Knows nothing of Django."""
