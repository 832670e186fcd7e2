"""The cache on this machine: blobs by content, package directories of real files, and nothing that trusts a lock."""
