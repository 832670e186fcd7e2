"""YOLOv8 and its successors with the same outputs."""
