"""Sparse training on plain tensors: importance, drop, grow, density, schedule, sieve; what methods share."""
