"""Figures of the evaluation: frames and words come in, a matplotlib Figure goes out; nothing is computed here."""

DRAWN_TEXTS = "Drawn-Texts"  # keyword of the PNG text that holds what is written in a figure
