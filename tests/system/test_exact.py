# SPDX-License-Identifier: Apache-2.0
"""The sums stay exact whatever is killed, cut off or restored."""
import os
import random
import shutil
import sqlite3
import time
from decimal import Decimal

import pytest

from plant import METERS, Plant, iso, local, meter_id, stamp
from stack import wait_until

HOUR = 3600 * 1000
MINUTE = 60 * 1000
CLOSE = 150 * 1000  # 2.5 x the interval of 60 s
SPEED = 60          # a minute of the plant takes a second
# The dials stand still for the first ten minutes, and from a moment on at the end: what they show
# at both ends is then known whatever the milliseconds.
START = "2026-03-02T07:30:00"
BEGIN = "2026-03-02T07:40:00+08:00"


class Story:
    """A plant, and the times at which its agent could not poll."""

    def __init__(self, stack):
        self.plant = Plant(stack, start_local=START, speed=SPEED)
        self.plant.faults = {short: [{"kind": "stuck", "from": "2026-03-01", "to": BEGIN}]
                             for short in METERS}
        self.blind = []  # (from, to) in ms of the plant's clock
        self.plant.start()

    def newest(self, short):
        now = self.plant.now_ms()
        found = self.plant.readings(short, now - 4 * HOUR, now + HOUR)
        return found[-1][0] if found else 0

    def wait_for_readings(self, after_ms, seconds=40):
        """Until every meter has a reading in the ledger that was taken after a moment."""
        wait_until(lambda: self.plant.get_quietly("/healthz") and
                   all(self.newest(short) > after_ms for short in self.plant.meters),
                   seconds, f"readings after {iso(after_ms)}")

    def run_for(self, minutes):
        time.sleep(minutes * 60 / SPEED)

    def restart_agent(self, change=None):
        """Between, meters are not read; what was read must not be lost."""
        before = self.plant.now_ms()
        self.plant.agent.kill()
        if change:
            change()
        self.plant.agent.start()
        self.blind.append((before - 2 * MINUTE, self.plant.now_ms() + 2 * MINUTE))

    def restart(self, process, seconds_down=0.0, ready=None):
        process.kill()
        time.sleep(seconds_down)
        process.start()
        if ready:
            wait_until(ready, 30, f"{process.name} is back")

    def backlog_is_gone(self):
        status = self.plant.agent_status()
        return status is not None and status["batches_waiting"] == 0

    def freeze(self):
        """The dials stop; returns the moment."""
        moment = self.plant.now_ms() + 2 * MINUTE
        for faults in self.plant.faults.values():
            faults.append({"kind": "stuck", "from": iso(moment)})
        self.plant.write_campus()
        self.plant.sim.hang_up()
        self.wait_for_readings(moment + 5 * MINUTE)
        wait_until(self.backlog_is_gone, 60, "the agent has nothing left to deliver")
        return moment


def closed_ms(times, start, end):
    """Time of [start, end) between readings that are close, by the readings alone."""
    total = 0
    for before, after in zip(times, times[1:]):
        if after - before <= CLOSE:
            total += max(0, min(after, end) - max(before, start))
    return total


def check_sums(story, moment):
    """Ledger total = what the dials have counted x ratio, to the last digit."""
    plant = story.plant
    account = plant.account(plant.utc_start, moment + MINUTE)
    for short, meter in plant.meters.items():
        ratio, quantity = meter[5], meter[9]
        register = account[meter_id(short)]["registers"][quantity]
        counted = (Decimal(register["at"]) - Decimal(register["from"])) * ratio
        path = (f"/api/v1/institutions/370102-0001/energy?interval=hour&by=meter"
                f"&from={local(plant.utc_start).date()}&to={stamp(plant.now_ms() + HOUR)}")

        def total():
            for series in plant.get(path)["series"]:
                if series["key"].get("meter") == meter_id(short):
                    return sum(Decimal(point["value"]) for point in series["points"])
            return None

        assert counted > 0, short
        try:
            wait_until(lambda: total() == counted, 15, "")
        except TimeoutError:
            pass
        assert total() == counted, short


def check_coverage(story, until):
    """Every hour's coverage is what its readings say, and no slot is missing without a cause."""
    plant = story.plant
    first = plant.utc_start - plant.utc_start % HOUR
    for short in plant.meters:
        times = [t for t, _ in plant.readings(short, first, until + HOUR)]
        assert times == sorted(set(times))
        answer = plant.get(f"/api/v1/meters/{meter_id(short)}/coverage?interval=hour"
                           f"&from={stamp(first)}&to={stamp(until)}")
        points = {p["start"]: Decimal(p["coverage"]) for p in answer["series"][0]["points"]}
        assert len(points) >= (until - first) // HOUR
        for start in range(first, until, HOUR):
            shown = points[iso(start).replace(".000", "")]
            share = Decimal(closed_ms(times, start, start + HOUR)) / HOUR
            assert abs(shown - share) <= Decimal("0.000001"), (short, iso(start), shown, share)
        read = {t // MINUTE for t in times}
        missing = [m for m in range(plant.utc_start // MINUTE + 3, until // MINUTE)
                   if m not in read and not any(a <= m * MINUTE <= b for a, b in story.blind)]
        assert not missing, (short, [iso(m * MINUTE) for m in missing])


def check_database(story, until):
    """The database has each reading that the ledger has, once."""
    plant = story.plant
    for short, meter in plant.meters.items():
        quantity = meter[9]
        times = [t for t, _ in plant.readings(short, plant.utc_start - HOUR, until)]

        def stored():
            series = plant.stack.influx_query(
                f'SELECT "{quantity}" FROM reading WHERE meter = \'{meter_id(short)}\' '
                f"AND time < {until}ms")
            return [int(row[0]) for row in series[0]["values"]] if series else []

        try:
            wait_until(lambda: stored() == times, 60, "")
        except TimeoutError:
            pass
        assert stored() == times, short


def test_sums_stay_exact_through_every_failure(stack):
    story = Story(stack)
    plant = story.plant
    story.wait_for_readings(0)
    for _ in range(2):
        story.run_for(4)
        story.restart_agent()
        story.wait_for_readings(plant.now_ms())
        story.run_for(3)
        story.restart(plant.server, 1.0, lambda: plant.get_quietly("/healthz"))
        story.run_for(3)
        story.restart(plant.broker, 1.5)
        story.run_for(3)
        story.restart(plant.database, 2.0, stack.influx_answers)
        story.wait_for_readings(plant.now_ms())

    # An hour without a broker: the agent keeps it all.
    plant.broker.kill()
    story.run_for(60)
    plant.broker.start()
    story.wait_for_readings(plant.now_ms(), 60)

    # A spool restored from an older copy: its batches come again, under a new epoch.
    wait_until(story.backlog_is_gone, 60, "the backlog is delivered")
    copy = stack.folder / "spool.copy"
    story.restart_agent(lambda: backup(stack.folder / "spool.db", copy))
    story.wait_for_readings(plant.now_ms())
    story.run_for(5)
    wait_until(story.backlog_is_gone, 60, "the backlog is delivered")
    story.restart_agent(lambda: restore(copy, stack.folder / "spool.db"))
    story.wait_for_readings(plant.now_ms())

    # A server restored from an older ledger: the agent hears of it and sends again.
    plant.server.stop()
    old = stack.folder / "ledger.copy"
    backup(stack.folder / "ledger.db", old)
    plant.server.start()
    story.wait_for_readings(plant.now_ms())
    story.run_for(10)
    plant.server.kill()
    restore(old, stack.folder / "ledger.db")
    plant.server.start()
    story.wait_for_readings(plant.now_ms(), 60)

    moment = story.freeze()
    until = moment - moment % HOUR
    check_sums(story, moment)
    check_coverage(story, until)
    check_database(story, moment)


@pytest.mark.soak
def test_sums_stay_exact_through_a_hundred_kills_at_random_moments(stack):
    """NENGHAO_SEED repeats a run."""
    seed = int(os.environ.get("NENGHAO_SEED", time.time_ns() % 1000000))
    print(f"NENGHAO_SEED={seed}")
    dice = random.Random(seed)
    story = Story(stack)
    plant = story.plant
    story.wait_for_readings(0)
    for _ in range(100):
        time.sleep(dice.uniform(0.1, 4))
        victim = dice.choice(["agent", "server", "broker", "database"])
        if victim == "agent":
            story.restart_agent()
        else:
            story.restart(getattr(plant, victim), dice.choice([0, 0.2, 2]))
    wait_until(stack.influx_answers, 30, "the database answers")
    story.wait_for_readings(plant.now_ms(), 120)
    moment = story.freeze()
    check_sums(story, moment)
    check_coverage(story, moment - moment % HOUR)
    check_database(story, moment)


def backup(path, copy):
    source = sqlite3.connect(path)
    target = sqlite3.connect(copy)
    source.backup(target)
    target.close()
    source.close()


def restore(copy, path):
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    shutil.copy(copy, path)
