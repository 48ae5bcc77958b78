"""All settings with unit, range and default (`model`), the presets, and the loader of the layers (`loader`)."""
