"""Adapters: each implements one of `remit.ports` with one technology."""
