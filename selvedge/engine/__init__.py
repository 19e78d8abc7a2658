"""Read servers, plan changes, make them, prove them."""
