"""Measurements, as ratios to what one would do by hand; not tests. `python -m bench` lists them."""
