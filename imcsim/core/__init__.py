"""Errors, frozen configs, content, sources, seeds and cost records: what every layer stands on."""
