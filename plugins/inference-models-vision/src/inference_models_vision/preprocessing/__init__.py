"""The CPU engine: pictures to input tensors, as a declaration says, with the way back."""
