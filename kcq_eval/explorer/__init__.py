"""The explorer: a page with controls over the same contract, evaluation and figures as a run."""
