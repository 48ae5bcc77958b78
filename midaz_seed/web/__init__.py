"""Pages over HTTP: the live page of a run (`run --web`), and the history of a runs directory (`runs serve`)."""
