"""Questions as data: study.toml -> training points -> engine -> store -> prices, resumed where they stopped."""
