"""Everything a run will create and move, and each final balance, from settings and seed alone; sends nothing."""
