"""What lrsync costs, measured against other programs. Run with `uv run --group bench python -m benchmarks`."""
