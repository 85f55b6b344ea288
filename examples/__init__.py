"""Scripts to start from; each runs alone, ``python examples/NAME.py --out FILE.png``, and is run by the tests."""
