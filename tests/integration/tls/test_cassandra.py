"""TLS to Cassandra (`tls_ca`, `tls_cert`, `tls_key`, `tls_check_address` in cassandra://…), through a relay in front of the real one."""

import uuid

import pytest
from cassandra.cluster import Cluster

from conftest import address_of

ROWS = 500


@pytest.fixture(scope="module")
def server():
    host, port, _ = address_of("HIRESTREAM_TEST_CASSANDRA", "cassandra://127.0.0.1:9042")
    return host, port or 9042


@pytest.fixture(scope="module")
def keyspace(server):
    cluster = Cluster([server[0]], port=server[1], protocol_version=4, connect_timeout=20)
    session = cluster.connect()
    session.default_timeout = 60
    name = f"tls_{uuid.uuid4().hex[:10]}"
    session.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    yield name
    session.execute(f"DROP KEYSPACE {name}")
    cluster.shutdown()


class Way:
    def __init__(self, relay, keyspace):
        self.relay = relay
        self.keyspace = keyspace

    def uri(self, options, table="tracking"):
        return f"cassandra://127.0.0.1:{self.relay.port}/{self.keyspace}/{table}?consistency=ONE{options and '&'}{options}"


@pytest.fixture
def way(relay, server, keyspace):
    return lambda certificate, **options: Way(relay(server, certificate, "tls", **options), keyspace)


def count(hirestream, way, options, tmp_path, table):
    """Writes, counts and verifies through the relay."""
    source, warehouse = way.uri(options, table), f"sqlite:{tmp_path}/counts.db"
    hirestream("generate", "--to", source, "--rows", ROWS)
    hirestream("run", "--once", "--quiet", "--source", source, "--warehouse", warehouse)
    assert "no difference" in hirestream("verify", "--source", source, "--warehouse", warehouse)
    assert way.relay.encrypted > 0


def refused(hirestream, way, options, tmp_path, *words, expect=2):
    said = hirestream("run", "--once", "--source", way.uri(options), "--warehouse", f"sqlite:{tmp_path}/none.db",
                      "--give-up-after", "1s", expect=expect)
    for word in words:
        assert word in said, f"'{word}' is missing in:\n{said}"


def test_the_right_authority_and_address(hirestream, way, authority, tmp_path):
    count(hirestream, way(authority.issue("node", "127.0.0.1")), f"tls_ca={authority.path}", tmp_path, "trusted")


def test_a_wrong_authority_is_refused(hirestream, way, authority, stranger, tmp_path):
    node = way(authority.issue("node", "127.0.0.1"))
    refused(hirestream, node, f"tls_ca={stranger.path}", tmp_path, "certificate verify failed", f"tls_ca ({stranger.path})", "signed")


def test_a_wrong_address_is_refused_unless_told_otherwise(hirestream, way, authority, stranger, tmp_path):
    node = way(authority.issue("node", "cassandra.example.com"))
    refused(hirestream, node, f"tls_ca={authority.path}", tmp_path, "IP address", "tls_check_address=off")
    count(hirestream, node, f"tls_ca={authority.path}&tls_check_address=off", tmp_path, "renamed")
    # The authority is still checked.
    refused(hirestream, node, f"tls_ca={stranger.path}&tls_check_address=off", tmp_path, "certificate verify failed")


def test_a_client_certificate_that_the_server_demands(hirestream, way, authority, stranger, tmp_path):
    node = way(authority.issue("node", "127.0.0.1"), client_ca=authority.path)
    certificate, key = authority.issue("client", server=False)
    count(hirestream, node, f"tls_ca={authority.path}&tls_cert={certificate}&tls_key={key}", tmp_path, "mutual")
    # The node just closes the connection: it cannot be told from one that is going down.
    refused(hirestream, node, f"tls_ca={authority.path}", tmp_path, "tls_cert and tls_key", expect=(2, 3))
    certificate, key = stranger.issue("client", server=False)
    refused(hirestream, node, f"tls_ca={authority.path}&tls_cert={certificate}&tls_key={key}", tmp_path, "trust who signed tls_cert",
            expect=(2, 3))


def test_a_server_without_tls_is_refused(hirestream, server, keyspace, authority, tmp_path):
    uri = f"cassandra://{server[0]}:{server[1]}/{keyspace}/tracking?tls_ca={authority.path}"
    said = hirestream("run", "--once", "--source", uri, "--warehouse", f"sqlite:{tmp_path}/none.db", "--give-up-after", "1s", expect=2)
    assert "offers no TLS" in said and "client_encryption_options" in said, said


def test_without_tls_a_server_that_wants_it_is_named(hirestream, way, authority, tmp_path):
    refused(hirestream, way(authority.issue("node", "127.0.0.1")), "", tmp_path, "tls_ca", expect=3)


def test_files_that_do_not_fit_are_named(hirestream, way, authority, tmp_path):
    node = way(authority.issue("node", "127.0.0.1"))
    missing = tmp_path / "absent.pem"
    refused(hirestream, node, f"tls_ca={missing}", tmp_path, str(missing))
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    refused(hirestream, node, f"tls_ca={broken}", tmp_path, str(broken), "PEM")
    certificate, _ = authority.issue("client", server=False)
    _, other_key = authority.issue("other", server=False)
    refused(hirestream, node, f"tls_ca={authority.path}&tls_cert={certificate}&tls_key={other_key}", tmp_path, "tls_key")
