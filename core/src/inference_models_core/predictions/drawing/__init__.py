"""Drawing predictions on pictures, with Pillow for text and numpy for everything else."""
