"""The figures of the body map, drawn by hand: one module for each part of the body."""
