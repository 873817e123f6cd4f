"""The network: pure Keras 3, any backend, nothing of Django.

`classes` and `metadata` import neither Keras nor TensorFlow, so that the web process may read them.
"""
