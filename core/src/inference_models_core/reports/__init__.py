"""What the framework tells people: values that print as text, in a rich terminal, in a notebook and as JSON.

A report is written once, as a :class:`~inference_models_core.reports.document.Document`; three small modules render it.
"""
