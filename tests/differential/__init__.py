"""redtool's read commands side by side with redis-server's, on the same data, reply by reply."""
