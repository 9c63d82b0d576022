"""Model definitions of our own, with random weights, for the scripts that export them."""
