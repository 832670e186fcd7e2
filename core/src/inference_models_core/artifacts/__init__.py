"""From a package to a directory with its files: found in the cache, or fetched, verified and placed."""
