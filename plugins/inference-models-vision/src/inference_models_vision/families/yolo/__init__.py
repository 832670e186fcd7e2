"""The YOLO families: what they share, and one module per task."""
