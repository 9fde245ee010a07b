"""Benchmarks: what a request costs the server, measured against baselines of the same run. `make bench` runs them."""
