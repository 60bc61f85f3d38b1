"""Synthetic data and throw-away services for remit's tests and demonstrations."""
