"""Evaluation of a public programme's period against the one before, and whether its published figures can all be true."""

__version__ = "0.1.0"
