"""Levers on what is written: when a stored code follows its master copy, and which rows an update may touch.

When which cells of a chip are then written, commits included, and what that costs: :mod:`imcsim.chip.writes`.
"""
