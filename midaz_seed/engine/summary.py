"""From what a run left behind to its report: the numbers, the verdict and the exit code."""
