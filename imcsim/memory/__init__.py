"""The memories of a chip: sorts of PE that hold weights, what they can do, and what each of it costs.

One file a sort; :class:`imcsim.memory.memory.Memory` says what a sort must know. Nothing here needs a trace.
"""
