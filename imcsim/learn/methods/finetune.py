"""Fine-tuning: plain SGD on the current task, the lower bound of every comparison."""

from imcsim.learn.method import Method, method


@method("finetune")
class Finetune(Method):
    """Train on each task in turn with cross-entropy over all outputs; remember nothing."""

    source = "lower bound 'SGD' of Buzzega et al., NeurIPS 2020 (DER); aimagelab/mammoth models/sgd.py"
    can_be_base = True
