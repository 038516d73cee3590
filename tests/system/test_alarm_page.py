# SPDX-License-Identifier: Apache-2.0
"""The page's events tell those who look after the server whether notices reach anybody."""
import pytest

from alarm_plant import INSTITUTION, make  # noqa: F401, make is a fixture
from browser import page
from hand_made import HandMadeAgent
from stack import ROOT, wait_until
from test_alarms import drop


def test_a_receiver_that_is_not_reached_is_seen(make, stack):
    if b"/assets/" not in (ROOT / "build" / "page" / "index.html").read_bytes():
        pytest.skip("the server was built without its page: npm or esbuild was out of reach")
    plant = make()
    plant.hook.broken = True
    plant.run()
    agent = HandMadeAgent(stack.broker_port)
    drop(plant, agent, 1, "m01")
    wait_until(lambda: plant.metric('nenghao_alarm_notices_failed_total{receiver="hook"}'), 30, "tried in vain")
    viewer = plant.add_token("viewer", "--region", "370100", "--grade", "L4")
    with page(plant, "phone") as one:
        one.sign_in(plant.token)
        one.show("#/region/370100/events")
        words = one.wait("[data-notices=stuck]").text
        assert "告警通知未送达：hook" in words and "it answered 500" in words and "box" not in words
        one.shoot("notices")
        one.assert_clean()
    plant.hook.broken = False
    wait_until(lambda: plant.metric('nenghao_alarm_notices_waiting{receiver="hook"}') == 0, 60, "taken")
    with page(plant) as one:
        one.sign_in(plant.token)
        one.show("#/region/370100/events")
        assert one.wait("[data-notices=ok]").text == "告警通知均已送达（3 个接收方）。"
        one.show(f"#/institution/{INSTITUTION}/events")
        assert not one.find("[data-notices]")
    with page(plant) as one:
        one.sign_in(viewer)
        one.show("#/region/370100/events")
        assert not one.find("[data-notices]") and one.find("[data-event]")
        one.assert_clean()
    agent.close()
