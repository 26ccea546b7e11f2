"""Starts runs in processes of their own, kills them as planned, and says how they ended."""

from __future__ import annotations

import random
import signal
import threading
from dataclasses import dataclass, replace

from tests.crash.proxy import Moment, Proxy
from tests.forked import Order, Zygote

KILLED = -int(signal.SIGKILL)


@dataclass(frozen=True)
class Kill:
    """When to kill: at a request, at a write to the manifest, or after a time; with none of them, never."""

    request: int = 0
    moment: Moment = Moment.BEFORE
    write: int = 0
    after: bool = False
    seconds: float = 0.0

    @property
    def kind(self) -> str:
        """In words."""
        if self.request:
            return f"at a request: {self.moment.value}"
        if self.write:
            return f"at a write: {'after' if self.after else 'before'} it"
        return "at a random time"

    @classmethod
    def draw(cls, rng: random.Random, requests: int, writes: int, seconds: float) -> Kill:
        """A kill at a random point of a run that takes about so many requests, writes and seconds."""
        match rng.randrange(5):
            case 0 | 1:
                return cls(request=rng.randint(1, requests), moment=rng.choice(list(Moment)))
            case 2 | 3:
                return cls(write=rng.randint(1, writes), after=rng.random() < 0.5)
            case _:
                return cls(seconds=rng.uniform(0.01, seconds))


def run_until_killed(zygote: Zygote, order: Order, proxy: Proxy, kill: Kill) -> int:
    """Run one command, and kill it as planned; its exit code, or minus the signal that ended it."""
    proxy.begin(kill_at=kill.request, moment=kill.moment)
    timer = threading.Timer(kill.seconds, proxy.kill) if kill.seconds else None

    def started(pid: int) -> None:
        proxy.victim = pid
        if timer is not None:
            timer.start()

    hooks = {"write": kill.write, "after": kill.after}
    code = zygote.run(replace(order, hooks=hooks), started)
    if timer is not None:
        timer.cancel()
        timer.join()
    proxy.settle()
    return code
