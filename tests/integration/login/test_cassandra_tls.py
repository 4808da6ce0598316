"""TLS to a Cassandra that speaks it itself (`tls=on|off`, `tls_ca`), and passwords and certificates that change while the engine runs."""

import contextlib
import pathlib
import subprocess
import sys
import uuid
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from conftest import ROWS, count, counted_rows, wait_for

HERE = pathlib.Path(__file__).parent
CASSANDRA = HERE.parents[1] / "support/services/cassandra.sh"
sys.path.append(str(HERE.parent / "tls"))
from authority import authority, stranger  # noqa: E402, F401
from tls_relay import TlsRelay  # noqa: E402


@pytest.fixture(scope="module")
def show(administrator):
    """Gives the node another certificate; it gets its own back in the end."""
    path, password = administrator.keystore
    before = path.read_bytes()

    def store(content):
        path.write_bytes(content)
        subprocess.run([CASSANDRA, "nodetool", "--auth", "--", "reloadssl"], check=True, stdout=subprocess.PIPE)

    def show(certificate, key):
        parts = serialization.load_pem_private_key(key.read_bytes(), None), x509.load_pem_x509_certificate(certificate.read_bytes())
        store(pkcs12.serialize_key_and_certificates(b"node", *parts, None, serialization.BestAvailableEncryption(password.encode())))

    yield show
    store(before)


@pytest.fixture
def node(administrator, raw_log):
    """URI with options, and the administrator's password as a variable."""
    user, password = administrator.login
    return lambda *options: "&".join([raw_log(user), *options]), {"HIRESTREAM_CASSANDRA_PASSWORD": password}


def refused(hirestream, uri, folder, *words, **environment):
    said = count(hirestream, uri, folder / "none.db", expect=2, **environment)
    for word in words:
        assert word in said, f"'{word}' is missing in:\n{said}"


def test_a_node_that_speaks_tls_itself(hirestream, administrator, node, show, authority, stranger, tmp_path):
    uri, login = node
    host = administrator.place.split(":")[0]
    system, others = {"SSL_CERT_FILE": str(authority.path)}, {"SSL_CERT_FILE": str(stranger.path)}
    show(*authority.issue("node", host))
    for name, options, trust in (("system", "tls=on", system), ("own", f"tls_ca={authority.path}", others), ("plain", "tls=off", others)):
        count(hirestream, uri(options), tmp_path / f"{name}.db", **login, **trust)
        assert counted_rows(tmp_path / f"{name}.db") >= ROWS
    refused(hirestream, uri("tls=on"), tmp_path, "certificate verify failed", "no authority that this machine knows", "tls_ca=FILE", **login, **others)
    refused(hirestream, uri("tls=on", f"tls_ca={stranger.path}"), tmp_path, f"tls_ca ({stranger.path})", "signed", **login, **system)
    refused(hirestream, uri("tls=off", f"tls_ca={authority.path}"), tmp_path, "tls: is off", "write tls=on", **login)


def test_a_node_whose_certificate_has_expired(hirestream, administrator, node, show, authority, tmp_path):
    uri, login = node
    show(*authority.issue("node", administrator.place.split(":")[0], valid_days=-1))
    refused(hirestream, uri(f"tls_ca={authority.path}"), tmp_path, "certificate has expired", "renew the certificate", **login)
    # Not even where the address does not matter.
    refused(hirestream, uri(f"tls_ca={authority.path}", "tls_check_address=off"), tmp_path, "certificate has expired", **login)


@pytest.fixture
def role(administrator, raw_log):
    """A role that reads, in a file its password, and how to give it another one."""
    name, keyspace = f"rotating_{uuid.uuid4().hex[:10]}", urlsplit(raw_log("")).path.split("/")[1]
    administrator.execute(f"CREATE ROLE {name} WITH PASSWORD = 'first-of-{name}' AND LOGIN = true")
    administrator.execute(f"GRANT SELECT ON KEYSPACE {keyspace} TO {name}")
    yield name, lambda password: administrator.execute(f"ALTER ROLE {name} WITH PASSWORD = '{password}'")
    administrator.execute(f"DROP ROLE {name}")


@contextlib.contextmanager
def running(hirestream, password_file, *arguments):
    """A process that goes on until it is ended, and what it has said so far."""
    log = password_file.parent / "log"
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen([hirestream.binary, *arguments], stdout=file, stderr=file,
                                   env=hirestream.environment | {"HIRESTREAM_CASSANDRA_PASSWORD_FILE": str(password_file)})
    try:
        yield process, log.read_text
    finally:
        process.terminate()
        code = process.wait(timeout=60)
    assert code == 0, log.read_text()


def engine_of(uri, folder):
    return "run", "--source", uri, "--warehouse", f"sqlite:{folder}/w.db"


def counts_on(hirestream, node, engine, folder):
    uri, login = node
    before = counted_rows(folder / "w.db")
    hirestream("generate", "--to", uri(), "--rate", 20, "--seconds", 1, **login)
    wait_for(engine, lambda: counted_rows(folder / "w.db") >= before + 10)


def test_a_password_that_changes_is_used_without_a_restart(hirestream, node, role, raw_log, tmp_path):
    name, set_password = role
    file = tmp_path / "password"
    file.write_text(f"first-of-{name}\n")
    with running(hirestream, file, *engine_of(raw_log(name), tmp_path)) as (engine, said):
        wait_for(engine, lambda: counted_rows(tmp_path / "w.db") >= ROWS)
        # The file first: what is open goes on, until the node knows the new one, too.
        file.write_text(f"second-of-{name}\n")
        wait_for(engine, lambda: "have been replaced, but" in said())
        counts_on(hirestream, node, engine, tmp_path)
        set_password(f"second-of-{name}")
        wait_for(engine, lambda: "connected with the new ones" in said())
        counts_on(hirestream, node, engine, tmp_path)
    assert name in said() and f"-of-{name}" not in said()


def test_connections_that_break_come_back_with_the_new_password_and_authority(hirestream, administrator, node, role, raw_log, authority, stranger,
                                                                              tmp_path):
    name, set_password = role
    file, trusted = tmp_path / "password", tmp_path / "ca.pem"
    file.write_text(f"first-of-{name}\n")
    trusted.write_bytes(authority.path.read_bytes())
    host, port = administrator.place.split(":")
    with contextlib.closing(TlsRelay((host, int(port)), authority.issue("relay", "127.0.0.1"), "tls")) as relay:
        place = f"127.0.0.1:{relay.port}"
        uri = raw_log(name).replace(administrator.place, place) + f"&tls_ca={trusted}&connect_timeout=30s"
        with running(hirestream, file, *engine_of(uri, tmp_path)) as (engine, said):
            wait_for(engine, lambda: counted_rows(tmp_path / "w.db") >= ROWS)
            set_password(f"second-of-{name}")
            relay.show(stranger.issue("relay", "127.0.0.1"))
            wait_for(engine, lambda: "certificate verify failed" in said())
            file.write_text(f"second-of-{name}\n")
            trusted.write_bytes(stranger.path.read_bytes())
            wait_for(engine, lambda: "connected with the new ones" in said())
            counts_on(hirestream, node, engine, tmp_path)


def test_the_mirror_connects_anew_when_the_password_changes(hirestream, administrator, node, role, raw_log, tmp_path):
    (name, set_password), (admin_uri, login) = role, node
    keyspace = urlsplit(raw_log("")).path.split("/")[1]
    administrator.execute(f"GRANT ALL PERMISSIONS ON KEYSPACE {keyspace} TO {name}")
    file = tmp_path / "password"
    file.write_text(f"first-of-{name}\n")

    def table(uri, of):
        return uri.replace("/tracking?", f"/{of}?")

    def generate(seed):
        hirestream("generate", "--to", table(admin_uri(), "mirrored_from"), "--layout", "plain", "--rows", 50, "--seed", seed, **login)

    def mirrored():
        return len(list(administrator.execute(f"SELECT create_time FROM {keyspace}.mirrored_to")))

    generate(1)
    hirestream("init", "--source", table(admin_uri(), "mirrored_to"), **login)
    tables = "--from", table(raw_log(name), "mirrored_from"), "--to", table(raw_log(name), "mirrored_to")
    with running(hirestream, file, "mirror", *tables, "--commit-log", "none", "--reconcile-every", "1s") as (mirror, said):
        wait_for(mirror, lambda: mirrored() == 50)
        set_password(f"second-of-{name}")
        file.write_text(f"second-of-{name}\n")
        wait_for(mirror, lambda: "connecting anew" in said())
        generate(2)
        wait_for(mirror, lambda: mirrored() == 100)
