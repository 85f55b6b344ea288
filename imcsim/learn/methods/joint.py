"""Joint training: all tasks' data at once, the upper bound of every comparison."""

import torch

from imcsim.learn.method import Method, method
from imcsim.learn.stream import Task


@method("joint")
class Joint(Method):
    """Merge all tasks into one and train once, in the place of the first task.

    The trace still has T tasks: all work falls into the first, the others are empty. Every row of the accuracy
    matrices is the same, the accuracy on each task of the network trained on all, so that average accuracy is the
    usual joint figure and forgetting is 0. (Mammoth trains once too, but at the end.)
    """

    source = "upper bound 'Joint' of Buzzega et al., NeurIPS 2020 (DER); aimagelab/mammoth models/joint.py"

    def tasks(self, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        """Return one task with the data and classes of all."""
        merged = Task(
            index=0,
            classes=tuple(label for task in tasks for label in task.classes),
            x_train=torch.cat([task.x_train for task in tasks]),
            y_train=torch.cat([task.y_train for task in tasks]),
            x_test=torch.cat([task.x_test for task in tasks]),
            y_test=torch.cat([task.y_test for task in tasks]),
        )
        return (merged,)
