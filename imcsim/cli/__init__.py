"""The command line: few verbs, one file each; heavy libraries are imported inside the verbs."""
