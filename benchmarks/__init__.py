"""Benchmarks: `python -m benchmarks`. Never part of a timed test."""
