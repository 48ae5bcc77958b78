"""Engines that carry the slices of a run to other processes and machines."""
