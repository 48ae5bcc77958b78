"""Every setting with unit, range and default (`model`), and its layers (`loader`); nothing here acts on a setting."""
