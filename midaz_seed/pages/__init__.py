"""Pages for a browser: the report of a run as one file, from templates, a chart library and the charts as data."""
