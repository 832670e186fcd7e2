"""A tensor backend in pure Python: graphs are JSON documents. It carries core's own tests through the plugin path.

A graph::

    {"inputs": [{"name": "x", "dtype": "float32", "shape": ["n", 3]}],
     "outputs": [{"name": "y", "compute": "affine", "factor": 2, "offset": 1, "shape": ["n", 3]}],
     "thread_safe": true, "borrows": false}

``inputs`` may be ``null`` and names and shapes left out, as runtimes do that do not know them. ``compute`` is one of
``affine`` (of the first input), ``sum`` (over everything but the batch, times ``factor``), ``constant`` (``value``,
without batch axis) and ``picture`` (the first picture without its batch axis).
"""
