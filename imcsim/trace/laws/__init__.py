"""Laws of a trace, one file for each thing that they tie together; ``imcsim.trace.conservation`` runs them in turn."""
