"""What exporters write about a model into its file; read by the inspectors of several backends."""
