"""How long the server takes for each page, in a small and in a large clinic."""
