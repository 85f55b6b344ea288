"""Bit-sliced products: weight bits in cells, input bits in cycles, and a converter after every column."""
