"""The values that cross the boundaries between core, plugins and host applications.

All are frozen attrs classes without behaviour worth speaking of. One module per subject; import from the module, or
the common ones from :mod:`inference_models_core`.
"""
