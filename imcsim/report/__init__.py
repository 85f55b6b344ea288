"""Tables, figures and one self-contained page: what a person sees of a study or a report."""
