"""Facts about the machine, without importing a runtime or creating a CUDA context."""
