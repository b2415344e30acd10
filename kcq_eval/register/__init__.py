"""The facility register: the evaluators' own rows, read as they are, checked, and aggregated to the same estimates as the claims."""
