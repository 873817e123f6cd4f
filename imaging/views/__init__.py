"""Pages of visits and images, one module a topic."""
