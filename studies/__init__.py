"""Questions: one folder each, with study.toml, a README and small committed results."""

CONTENT_OF = "imcsim"
