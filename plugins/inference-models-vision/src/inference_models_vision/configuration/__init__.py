"""What a package says about itself: ``inference_config.json``, class names, recommended parameters."""
