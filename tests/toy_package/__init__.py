"""A package of another's with memories, a converter and a regulator: it passes every verb, and its numbers are right.

``site`` holds it as an installer leaves it: a package beside its metadata. Nothing of imcsim knows of it.
"""
