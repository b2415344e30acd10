"""Evidence: where each number comes from, and whether a bundle is what it says."""
