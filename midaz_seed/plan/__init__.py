"""The plan: everything that a run creates and every balance that results. Pure: no clock, no network."""
