"""The cache on this machine: content-addressed blobs, package directories of real files, and nothing that trusts a lock."""
