"""RF-DETR on exported graphs: what its tasks share, and one module per task."""
