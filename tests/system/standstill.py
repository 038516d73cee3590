# SPDX-License-Identifier: Apache-2.0
"""What a test or a bench must know before it blames a program for being late."""
import threading
import time


class Standstill:
    """The longest time that this very process was not let run."""

    def __enter__(self):
        self.longest, self.is_over = 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        last = time.monotonic()
        while not self.is_over.wait(0.02):
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now

    def __exit__(self, *unused):
        self.is_over.set()
        self.thread.join()


def between_sweeps(meters, wanted):
    """meters() once the counts of the wanted ones rest: whom it is the turn of is due already, and on time
    only once it has answered. {id: state}"""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 1.2:
        states = {m["id"]: m for m in meters()}
        counts = [(states[m]["due"], states[m]["on_time"]) for m in wanted]
        if counts != last:
            last, since = counts, time.monotonic()
        time.sleep(0.1)
    return states


def slots_of(meters, wanted, seconds, rounds=3):
    """(due, on time, longest standstill, states) of the wanted ones in so many seconds; measured anew while one
    is late: what holds up every sweep does so each time, a busy machine does not."""
    for _ in range(rounds):
        with Standstill() as standstill:
            before = between_sweeps(meters, wanted)
            time.sleep(seconds)
            after = between_sweeps(meters, wanted)
        due, on_time = (sum(after[m][count] - before[m][count] for m in wanted) for count in ("due", "on_time"))
        if on_time == due:
            break
    return due, on_time, standstill.longest, after
