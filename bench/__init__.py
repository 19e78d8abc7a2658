"""Benchmarks that compare Selvedge with doing the same by hand. `python -m bench` lists them."""
