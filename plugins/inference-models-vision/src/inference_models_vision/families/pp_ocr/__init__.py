"""PP-OCR: where there is text, and what it says."""
