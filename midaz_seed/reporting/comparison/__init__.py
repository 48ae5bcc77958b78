"""Compare the figures of two runs, or of two sets of runs, with a confidence interval. Pure: reads reports alone."""
