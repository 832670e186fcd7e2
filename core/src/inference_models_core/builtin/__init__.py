"""Core's own parts, registered through the same hooks as everybody's."""
