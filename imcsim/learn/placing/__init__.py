"""Choosing PEs: scoring passes, correlation with old tasks, blocks of a weight matrix."""
