# SPDX-License-Identifier: Apache-2.0
"""A copy of the ledger beside the running server, put back later: the agents fill what is missing."""
import json
import stat

from stack import wait_until
from test_exact import Story, check_database, check_sums


def server(plant, *arguments, check=True):
    return plant.stack.run(plant.stack.program("server"), *arguments, "-c", plant.server_config,
                           check=check)


def lost_events(plant):
    return [event for event in plant.get("/api/v1/events")["events"]
            if event["kind"] == "batches_lost"]


def test_a_restored_server_gets_everything_again(stack):
    story = Story(stack)
    plant = story.plant
    copy = stack.folder / "ledger.copy"
    story.wait_for_readings(0)
    story.run_for(5)
    made = json.loads(server(plant, "backup", copy, "--json").stdout)
    assert made["agents"] == 1 and made["newest_batch"] and made["registers"] >= 5
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    again = server(plant, "backup", copy, check=False)
    assert again.returncode == 1 and "exists already" in again.stderr

    denied = server(plant, "restore", copy, check=False)
    assert denied.returncode == 1 and f"(process {plant.server.child.pid})" in denied.stderr
    second = server(plant, "run", check=False)
    assert second.returncode == 1 and "must be stopped first" in second.stderr

    story.run_for(15)
    plant.server.kill()
    said = server(plant, "restore", copy).stdout
    assert "had delivered newer batches to it: 1." in said, said
    assert list(stack.folder.glob("ledger.db.replaced-*"))
    plant.server.start()
    story.wait_for_readings(plant.now_ms(), 60)
    wait_until(lambda: "histories_lost" in json.dumps(plant.agent_status() or {}), 30, "status")
    assert plant.agent_status()["histories_lost"] == 1
    moment = story.freeze()
    check_sums(story, moment)
    check_database(story, moment)
    assert lost_events(plant) == []


def test_what_is_no_good_copy_changes_nothing(stack):
    story = Story(stack)
    plant = story.plant
    story.wait_for_readings(0)
    plant.server.stop()
    before = (stack.folder / "ledger.db").read_bytes()
    whole = stack.folder / "whole.copy"
    server(plant, "backup", whole)
    torn, text = stack.folder / "torn.copy", stack.folder / "text.copy"
    torn.write_bytes(whole.read_bytes()[:3 * 4096] + b"\xff" * 8192)
    text.write_text("hello\n" * 1000)
    for copy, words in ((torn, ""), (text, "not a database"), (stack.folder / "none", "No such"),
                        (stack.folder / "ledger.db", "is the ledger itself")):
        done = server(plant, "restore", copy, check=False)
        assert done.returncode == 1 and words in done.stderr, (copy, done.stderr)
    assert (stack.folder / "ledger.db").read_bytes() == before
    assert not list(stack.folder.glob("ledger.db.re*"))
    (stack.folder / "ledger.db").write_bytes(b"\0" * 8192)  # a disk that lost it
    said = server(plant, "restore", whole).stdout
    assert "cannot be read" in said, said
    plant.server.start()
    story.wait_for_readings(plant.now_ms(), 60)
