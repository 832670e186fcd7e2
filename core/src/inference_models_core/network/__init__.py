"""The one way to the network: which URLs may be asked, what is sent where, how often, and for how long."""
