"""From network outputs to predictions: candidates where the arrays are, the rest with numpy."""
