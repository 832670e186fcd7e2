"""Model families: each turns pictures into input tensors and output tensors into predictions, on any backend."""
