"""Indicators: funding, facilities and their mix, coverage. Each reads estimates and gives numbers, always with bounds."""
