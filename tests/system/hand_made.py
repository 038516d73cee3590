# SPDX-License-Identifier: Apache-2.0
"""An agent made by hand, for tests of the server."""
import contextlib
import queue
import threading
import time

import paho.mqtt.client as mqtt

from stack import PATIENCE, wait_until


class HandMadeAgent:
    """Speaks the wire contract by itself, independent of nenghao-agent."""

    def __init__(self, port, agent="hand-a1", region="370102"):
        self.prefix = f"nenghao/1/{region}/{agent}"
        self.agent = agent
        self.acks = queue.Queue()
        self.client = mqtt.Client(client_id=agent)
        self.client.on_message = lambda *a: self.acks.put(
            tuple(int(n) for n in a[2].payload.decode().split(" ")))
        ready = []
        self.client.on_subscribe = lambda *a: ready.append(1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(f"{self.prefix}/ack", 1)
        wait_until(lambda: ready, 10, "subscribed")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def send_raw(self, payload, leaf="data"):
        self.client.publish(f"{self.prefix}/{leaf}", payload, qos=1).wait_for_publish(10 * PATIENCE)

    def batch(self, epoch, seq, lines, oldest=1, time_ms=None, count=None):
        time_ms = time_ms or int(time.time() * 1000)
        body = "".join(line + "\n" for line in lines)
        return (f"batch,agent={self.agent} epoch={epoch}i,seq={seq}i,oldest={oldest}i,"
                f"lines={len(lines) if count is None else count}i {time_ms}\n{body}")

    def send(self, *args, **names):
        self.send_raw(self.batch(*args, **names))

    def ack(self, epoch, seen, seconds=10):
        """Waits for the ack that says so; returns it."""
        deadline = time.monotonic() + seconds * PATIENCE
        got = []
        while time.monotonic() < deadline:
            try:
                got.append(self.acks.get(timeout=0.2))
            except queue.Empty:
                continue
            if got[-1][:2] == (epoch, seen):
                return got[-1]
        raise AssertionError(f"no ack {epoch} {seen}; got {got}")


@contextlib.contextmanager
def going_on(act, every=0.3):
    """Meanwhile it acts again and again."""
    is_over = threading.Event()

    def run():
        while not is_over.is_set():
            act()
            is_over.wait(every)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
