"""One module for each room of the product; one function for each action."""
