"""Every fault once, against real servers and with a live writer; `prove` and `soak` do the same for longer."""

import pytest

import faults
import proxy
from trial import Watcher, arrivals


def assert_whole(outcome, faults_at_least):
    """Nothing lost, nothing doubled, sound on the way, and the faults did happen."""
    assert not outcome.problems, "\n".join(outcome.problems)
    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert outcome.rows > 0 and outcome.cells > 0 and outcome.samples > 0
    assert sum(outcome.faults.values()) >= faults_at_least, outcome.faults


def test_killed_engine(campaign):
    outcome = campaign.trial("engine_kills", faults.engine_kills, 8)
    assert_whole(outcome, 8)
    assert sum(outcome.kills.values()) == 8 and len(outcome.kills) >= 2, outcome.kills


def test_killed_engine_is_caught_up_by_a_single_run(campaign):
    outcome = campaign.trial("engine_kills_then_once", faults.engine_kills, 2, once=True)
    assert_whole(outcome, 2)


def test_commits_with_an_unknown_outcome(campaign):
    outcome = campaign.trial("unknown_commits", faults.unknown_commits, 1)
    assert_whole(outcome, 3)
    assert set(outcome.faults) == set(faults.COMMIT_FAULTS)


def test_hostile_clients(campaign):
    assert_whole(campaign.trial("http_attacks", faults.http_attacks, 1), 1)


def test_bad_network(campaign):
    assert_whole(campaign.trial("bad_network", faults.bad_network, 1), 10)


def test_mysql_paused_and_killed(campaign):
    assert_whole(campaign.trial("mysql_faults", faults.mysql_faults, 1), 2)


def test_cassandra_paused_and_killed(campaign):
    assert_whole(campaign.trial("cassandra_faults", faults.cassandra_faults, 1), 2)


def test_two_engines(campaign):
    assert_whole(campaign.trial("two_engines", faults.two_engines, 1), 1)


def test_full_disk(campaign):
    assert_whole(campaign.trial("full_disk", faults.full_disk, 1), 1)


@pytest.mark.skipif(not faults.LIBFAKETIME, reason="libfaketime is not installed (package faketime)")
def test_engines_clock_is_stepped(campaign):
    assert_whole(campaign.trial("clock_steps", faults.clock_steps, 1), 4)


# --- the instruments themselves


def packet(number, payload):
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def test_mysql_stream_is_understood_in_any_pieces():
    stream = (packet(1, b"login") + packet(0, b"\x03START TRANSACTION") + packet(0, b"\x03" + b"INSERT " + b"x" * 300)
              + packet(0, b"\x03COMMIT"))
    for size in (1, 3, 50, len(stream)):
        watch = proxy.MysqlWatch()
        points = [point for at in range(0, len(stream), size) for point in watch.from_client(stream[at:at + size])]
        assert points == ["statement", "statement", "commit"], size
        assert watch.from_server(b"x") == []
        watch.forwarding("commit")
        assert watch.from_server(b"x") == ["answer"] and watch.forwarded("answer") == ["committed"]
        assert not watch.in_transaction


def test_read_only_transactions_are_none():
    watch = proxy.MysqlWatch()
    assert watch.from_client(packet(0, b"\x03START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY") + packet(0, b"\x03COMMIT")) == []


def test_cassandra_requests_are_followed_until_their_answer():
    watch = proxy.CassandraWatch()
    execute = b"\x04\x00\x00\x07\x0a" + (4).to_bytes(4, "big") + b"1234"
    assert watch.from_client(execute[:6]) == [] and watch.from_client(execute[6:]) == ["request"] and watch.outstanding == {7}
    answer = b"\x84\x00\x00\x07\x08" + (1000).to_bytes(4, "big") + b"r" * 1000
    assert watch.from_server(answer) == ["rows"] and not watch.outstanding


@pytest.mark.parametrize("samples, word", [
    ([(10.0, 1, 2, 2)], "Atomic"), ([(10.0, 4, 4, 4)], "arrived"), ([(10.0, 2, 2, 2), (11.0, 1, 1, 1)], "became")])
def test_watcher_notices(samples, word):
    watcher = Watcher(None)
    watcher.samples = samples
    assert word in watcher.problems([1.0, 2.0, 3.0])[0]
    watcher.samples = [(10.0, 2, 2, 3)]
    assert watcher.problems([1.0, 2.0, 3.0]) == []


def test_arrivals_are_the_times_in_the_identifiers():
    assert arrivals(["b54adc00-6207-11ef-8000-0123456789ab", "no uuid"]) == [1724497071.764992]
