"""What the conference gets: the report."""
