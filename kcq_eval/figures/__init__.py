"""Figures of the evaluation: frames and words come in, a matplotlib Figure goes out; nothing is computed here."""
