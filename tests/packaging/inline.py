"""An executor that runs each job at once, in this process: entries of a test's own need no other one."""

from dataclasses import dataclass

from imcsim.study.engine import Handle, Payload, Runner


@dataclass
class Done:
    """A job that has run."""

    found: str

    def done(self) -> bool:
        return True

    def result(self) -> str:
        return self.found


class Inline:
    """One slot, used at once."""

    slots = 1

    def submit(self, runner: Runner, payload: Payload) -> Handle:
        return Done(runner(payload))

    def close(self, wait_s: float) -> None:
        pass
