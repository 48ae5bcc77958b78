"""Trying out a server before a run: the doctor and the batch size trial. Carrying out a plan lives in `engine`."""
