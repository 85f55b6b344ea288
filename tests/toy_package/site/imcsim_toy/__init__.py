"""What another package adds to imcsim: two sorts of memory, a converter, a regulator. Each is one file, plus TOML."""
