"""``python -m imcsim`` is the same as ``imcsim``."""

from imcsim.cli.__main__ import main

if __name__ == "__main__":
    main()
