"""Whether the published figures can all be true together: constraints, the solver, and explanations of what cannot."""
