"""Levers on what is written: when a stored code follows its master copy, and which rows an update may touch."""
