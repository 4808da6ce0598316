"""Modes of `tls` in mysql://…: what is encrypted, whose certificate is believed, and what is said when it is not."""

import time

import pytest

from conftest import SQL_PASSWORD
from fake_mysql import FakeMysql


@pytest.fixture(scope="module")
def server_ca(mysql):
    """The authority that MySQL made for itself at its first start; its certificate names no host."""
    [(folder, name)] = mysql.query("SELECT @@datadir, @@ssl_ca")
    assert name, "this MySQL has TLS switched off"
    return f"{folder}/{name}" if not name.startswith("/") else name


@pytest.fixture
def encrypted_user(mysql):
    return mysql.add_user("SSL")


def works(hirestream, uri):
    assert "ready" in hirestream("init", "--warehouse", uri)
    hirestream("sources", "--warehouse", uri)


def refused(hirestream, uri, *words):
    said = hirestream("init", "--warehouse", uri, expect=2)
    for word in words:
        assert word in said, f"'{word}' is missing in:\n{said}"
    assert "retry" not in said, said


@pytest.mark.parametrize("options", ["", "tls=preferred", "tls=required"])
def test_a_user_that_requires_tls_gets_it(hirestream, mysql, encrypted_user, options):
    works(hirestream, mysql.uri(options, user=encrypted_user))


@pytest.mark.parametrize("options, kind", [("tls=off", "TCP/IP"), ("tls=preferred", "SSL/TLS"), ("tls=required", "SSL/TLS")])
def test_the_server_sees_the_mode(hirestream, mysql, tmp_path, options, kind):
    user = mysql.add_user("NONE")
    hirestream("generate", "--to", f"sqlite:{tmp_path}/raw.db", "--rows", 100)
    process = hirestream.start("run", "--quiet", "--source", f"sqlite:{tmp_path}/raw.db", "--warehouse", mysql.uri(options, user=user))
    try:
        deadline = time.monotonic() + 30
        seen = ()
        while not seen and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.2)
            seen = mysql.query(f"SELECT connection_type FROM performance_schema.threads WHERE processlist_user = '{user}'")
        assert seen and {row[0] for row in seen} == {kind}, process.poll()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_without_tls_such_a_user_is_told_about_it(hirestream, mysql, encrypted_user):
    refused(hirestream, mysql.uri("tls=off", user=encrypted_user), "Access denied", "REQUIRE SSL", "tls=required")


def test_a_user_that_needs_a_certificate_is_told_about_it(hirestream, mysql):
    refused(hirestream, mysql.uri("tls=required", user=mysql.add_user("X509")), "Access denied", "tls_cert", "tls_key")


def test_a_client_certificate_is_shown(hirestream, mysql, server_ca):
    pair = f"tls_cert={server_ca.replace('ca.pem', 'client-cert.pem')}&tls_key={server_ca.replace('ca.pem', 'client-key.pem')}"
    works(hirestream, mysql.uri(f"tls=required&{pair}", user=mysql.add_user("X509")))


@pytest.mark.parametrize("mode", ["required", "verify-ca", "verify"])
def test_a_server_without_tls_is_refused(hirestream, mariadb, server_ca, mode):
    [(has_tls,)] = mariadb.query("SELECT @@have_ssl")
    assert has_tls == "DISABLED", "the test needs a server without TLS"
    ca = f"&tls_ca={server_ca}" if mode != "required" else ""
    refused(hirestream, mariadb.uri(f"tls={mode}{ca}"), "offers no TLS", "tls=off")
    works(hirestream, mariadb.uri("tls=preferred"))


@pytest.mark.parametrize("mode", ["required", "verify-ca", "verify"])
def test_nobody_on_the_way_can_take_tls_out(hirestream, mysql, relay, authority, mode):
    way = relay((mysql.host, mysql.port), authority.issue("server", "127.0.0.1"), "mysql without tls")
    ca = f"&tls_ca={authority.path}" if mode != "required" else ""
    refused(hirestream, mysql.uri(f"tls={mode}{ca}", host="127.0.0.1", port=way.port), "offers no TLS")


def test_the_right_authority_is_believed_without_a_host_name(hirestream, mysql, server_ca, encrypted_user):
    works(hirestream, mysql.uri(f"tls=verify-ca&tls_ca={server_ca}", user=encrypted_user))
    works(hirestream, mysql.uri(f"tls=required&tls_ca={server_ca}", user=encrypted_user))


@pytest.mark.parametrize("mode", ["required", "verify-ca", "verify"])
def test_a_wrong_authority_is_refused(hirestream, mysql, stranger, mode):
    refused(hirestream, mysql.uri(f"tls={mode}&tls_ca={stranger.path}"), "certificate", f"tls_ca ({stranger.path})", "signed")


def test_tls_ca_alone_means_verify(hirestream, mysql, stranger):
    refused(hirestream, mysql.uri(f"tls_ca={stranger.path}"), "certificate", str(stranger.path))


def test_a_certificate_for_another_host_is_refused(hirestream, mysql, server_ca):
    refused(hirestream, mysql.uri(f"tls=verify&tls_ca={server_ca}"), "names another host", "tls=verify-ca")


@pytest.mark.parametrize("mode", ["required", "verify-ca", "verify"])
def test_a_certificate_that_has_expired_is_refused(hirestream, mysql, relay, authority, mode):
    way = relay((mysql.host, mysql.port), authority.issue("expired", "127.0.0.1", valid_days=-1), "mysql")
    refused(hirestream, mysql.uri(f"tls={mode}&tls_ca={authority.path}", host="127.0.0.1", port=way.port), "expired", "renew the certificate")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_verify_wants_authority_and_host(hirestream, mysql, relay, authority, stranger, host):
    good = relay((mysql.host, mysql.port), authority.issue("server", host), "mysql")
    works(hirestream, mysql.uri(f"tls=verify&tls_ca={authority.path}", host=host, port=good.port))
    assert good.encrypted > 0 and good.plain == 0
    other_name = relay((mysql.host, mysql.port), authority.issue("other", "mysql.example.com"), "mysql")
    refused(hirestream, mysql.uri(f"tls=verify&tls_ca={authority.path}", host=host, port=other_name.port), "names another host")
    other_signer = relay((mysql.host, mysql.port), stranger.issue("server", host), "mysql")
    refused(hirestream, mysql.uri(f"tls=verify&tls_ca={authority.path}", host=host, port=other_signer.port), "signed")


def test_a_client_certificate_that_the_server_demands(hirestream, mysql, relay, authority):
    way = relay((mysql.host, mysql.port), authority.issue("server", "127.0.0.1"), "mysql", client_ca=authority.path)
    options = f"tls=verify&tls_ca={authority.path}"
    certificate, key = authority.issue("client", server=False)
    works(hirestream, mysql.uri(f"{options}&tls_cert={certificate}&tls_key={key}", host="127.0.0.1", port=way.port))
    # Whether the server's alert arrives before the connection ends is a matter of luck.
    said = hirestream("init", "--warehouse", mysql.uri(options, host="127.0.0.1", port=way.port), expect=(2, 3))
    assert "tls_cert" in said, said


def test_files_that_do_not_fit_are_named(hirestream, mysql, authority, tmp_path):
    certificate, key = authority.issue("client", server=False)
    missing = tmp_path / "absent.pem"
    refused(hirestream, mysql.uri(f"tls_ca={missing}"), str(missing), "No such file")
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    refused(hirestream, mysql.uri(f"tls_ca={broken}"), str(broken), "PEM")
    refused(hirestream, mysql.uri(f"tls=required&tls_cert={certificate}"), "tls_key")
    refused(hirestream, mysql.uri(f"tls=required&tls_cert={certificate}&tls_key={authority.issue('another')[1]}"), "tls_key")
    refused(hirestream, mysql.uri("tls=verify-ca"), "tls_ca")


@pytest.mark.parametrize("mode", ["off", "preferred"])
def test_a_mode_that_would_ignore_the_authority_is_refused(hirestream, mysql, authority, mode):
    refused(hirestream, mysql.uri(f"tls={mode}&tls_ca={authority.path}"), "tls_ca", "verify")


def test_a_server_that_asks_for_the_password_in_plain_text_does_not_get_it(hirestream):
    server = FakeMysql(b"mysql_clear_password")
    server.start()
    try:
        said = hirestream("init", "--warehouse", f"mysql://counter@127.0.0.1:{server.port}/etl", expect=2)
    finally:
        server.close()
    assert server.asked and b"counter" in server.heard
    assert SQL_PASSWORD.encode() not in server.heard
    assert "a login that this program refuses" in said and "caching_sha2_password" in said


@pytest.mark.parametrize("mode", ["preferred", "required"])
def test_a_broken_handshake_is_not_followed_by_a_try_in_plain_text(hirestream, mode):
    server = FakeMysql()
    server.start()
    process = hirestream.start("sources", "--warehouse", f"mysql://counter@127.0.0.1:{server.port}/etl?tls={mode}")
    try:
        process.communicate(timeout=30)
    finally:
        server.close()
    assert process.returncode in (2, 3)
    assert server.asked and b"counter" not in server.heard
