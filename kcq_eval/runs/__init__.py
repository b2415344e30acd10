"""Running the notebooks and leaving a bundle: whole or absent, the same bytes for the same inputs."""
