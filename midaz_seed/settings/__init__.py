"""Every knob, its unit and its default (`model`), the presets (`presets`), and how the layers are read (`load`)."""
