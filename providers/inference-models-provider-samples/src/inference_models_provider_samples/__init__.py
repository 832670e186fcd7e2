"""Tiny models and pictures that ship inside the wheel: the weights provider that needs no network.

`models/` holds one folder a model: `index.json` (its metadata) and one folder a package. `pictures/` holds scenes
that the models were not trained on. Scenes, weights and pictures come from the scripts of `training/` in the
repository, from nowhere else.
"""
