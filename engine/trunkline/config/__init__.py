"""Documents: YAML text with a place for every value, the shape of a route file, and references."""
