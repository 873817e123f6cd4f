"""Everything that writes opinions: asking for one, the queue's leases, results, and models."""
