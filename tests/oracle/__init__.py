"""A second pricing, for tests alone: every leaf of a report counted anew, by loops over PEs and cells.

It shares nothing with what it tests. It is handed plain arrays and plain values (:mod:`tests.oracle.facts`), imports
numpy and nothing of imcsim, and follows ``docs/accounting.md``. Slow and short beats fast and clever here.
"""
