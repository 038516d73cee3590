# SPDX-License-Identifier: Apache-2.0
"""Readings of all meters of a province, as its agents would send them in a quarter of an hour."""
import itertools
import threading
import time

from hand_made import HandMadeAgent

EPOCH = int(time.time())


class Feeder:
    """Every second some readings of one county, county after county, so that each meter has its turn every
    `period` seconds. `meters`: ids by county."""

    def __init__(self, port, meters, period=900):
        self.meters = meters
        self.lot = max(1, round(sum(map(len, meters.values())) / period))
        self.agents = {region: HandMadeAgent(port, f"feeder-{region}", region) for region in meters}
        self.sent = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()
        self.thread.join()
        for agent in self.agents.values():
            agent.close()

    def _lots(self):
        """(region, batch number, meters) without end."""
        at = {region: 0 for region in self.meters}
        for n, region in enumerate(itertools.cycle(self.meters)):
            ids = self.meters[region]
            lot = [ids[(at[region] + k) % len(ids)] for k in range(min(self.lot, len(ids)))]
            at[region] += len(lot)
            yield region, n // len(self.meters) + 1, lot

    def _run(self):
        began = time.monotonic()
        for n, (region, seq, lot) in enumerate(self._lots()):
            if self.stopping.wait(max(0, began + n - time.monotonic())):
                return
            now = int(time.time() * 1000)
            lines = [f"reading,meter={meter} active_energy_import_kwh={100000 + now // 1000 % 1000000}.5 {now}"
                     for meter in lot]
            self.agents[region].send(EPOCH, seq, lines, time_ms=now)
            self.sent += len(lines)
