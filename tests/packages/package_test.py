"""The Debian package and `cmake --install`: what they put where, that it is complete, and what the service may do.

usage: package_test.py BUILD_FOLDER
"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv.pop()).resolve() if len(sys.argv) > 1 else None
FILES = {
    "/usr/bin/hirestream": "-rwxr-xr-x",
    "/usr/share/man/man1/hirestream.1.gz": "-rw-r--r--",
    "/usr/share/bash-completion/completions/hirestream": "-rw-r--r--",
    "/usr/share/zsh/vendor-completions/_hirestream": "-rw-r--r--",
    "/usr/share/fish/vendor_completions.d/hirestream.fish": "-rw-r--r--",
    "/usr/lib/systemd/system/hirestream-mirror.service": "-rw-r--r--",
    "/usr/lib/systemd/system/hirestream.service": "-rw-r--r--",
    "/usr/share/doc/hirestream/copyright": "-rw-r--r--",
    "/usr/share/doc/hirestream/hirestream.cdx.json": "-rw-r--r--",
    "/usr/share/doc/hirestream/hirestream.toml": "-rw-r--r--",
    "/usr/share/doc/hirestream/third_party_licences.txt.gz": "-rw-r--r--",
}
SETTINGS = "/etc/hirestream/hirestream.toml"
# The unit's promises.
SERVICE = {
    "Type": "notify", "Restart": "always", "RestartPreventExitStatus": "2 4", "DynamicUser": "yes", "ProtectSystem": "strict",
    "NoNewPrivileges": "yes", "MemoryMax": "2G", "LimitNOFILE": "65536", "WatchdogSec": "5min", "StateDirectory": "hirestream",
}

MIRROR_SERVICE = {
    "Restart": "always", "RestartPreventExitStatus": "2", "DynamicUser": "yes", "ProtectSystem": "strict", "NoNewPrivileges": "yes", "MemoryMax": "1G",
    "SupplementaryGroups": "cassandra",
}


def output(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def fields_of(text):
    """Of a control file: a field's later lines begin with a blank."""
    return dict(re.findall(r"^([\w-]+): (.*(?:\n .*)*)", text, re.MULTILINE))


def unit_of(text):
    out = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            out[key] = value
    return out


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        top = pathlib.Path(cls.folder.name)
        output("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", top / "packed", cwd=BUILD)
        (cls.deb,) = (top / "packed").glob("*.deb")
        cls.root = top / "root"
        output("dpkg-deb", "-x", cls.deb, cls.root)
        output("dpkg-deb", "-e", cls.deb, top / "control")
        cls.control = top / "control"
        cls.fields = fields_of((cls.control / "control").read_text())
        cls.binary = cls.root / "usr/bin/hirestream"

    def at(self, path):
        return self.root / path.lstrip("/")

    def test_a_purge_leaves_no_password_and_a_removal_all(self):
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            settings, wanted = top / "etc/hirestream", top / "etc/systemd/system/multi-user.target.wants/hirestream.service"
            data = top / "var/lib/hirestream/etl.db"
            kept = [*(settings / name for name in ("hirestream.toml", "environment", "mirror.environment", "mysql-password")), wanted, data]
            for path in kept:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            for step, left in (("remove", kept), ("purge", [data])):
                output("sh", self.control / "postrm", step, env={**os.environ, "DPKG_ROOT": folder})
                self.assertEqual([path for path in kept if path.exists()], left, step)
            self.assertFalse(settings.exists())

    def test_has_these_files_and_no_others(self):
        found = {}
        for line in output("dpkg-deb", "-c", self.deb).splitlines():
            mode, owner, _, _, _, path = line.split(None, 5)
            self.assertEqual(owner, "root/root", path)
            if not path.endswith("/"):
                found[path.removeprefix(".")] = mode
            else:
                self.assertEqual(mode, "drwxr-xr-x", path)
        self.assertEqual(found, FILES | {SETTINGS: "-rw-r--r--"})

    def test_says_what_it_is(self):
        self.assertEqual(self.fields["Package"], "hirestream")
        self.assertEqual(self.fields["Architecture"], output("dpkg", "--print-architecture").strip())
        version = output(BUILD / "hirestream", "--version").split()[1]
        self.assertEqual(self.fields["Version"], f"{version}-1")
        self.assertEqual((self.control / "conffiles").read_text(), SETTINGS + "\n")
        for script in ("postinst", "prerm", "postrm"):
            self.assertEqual((self.control / script).stat().st_mode & 0o777, 0o755)
            output("sh", "-n", self.control / script)

    def test_depends_on_every_library_that_it_is_linked_with(self):
        depends = {re.match(r"[\w.+-]+", part.strip())[0] for part in self.fields["Depends"].split(",")}
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", self.binary))
        self.assertGreater(len(needed), 5)
        paths = dict(re.findall(r"^\s*(\S+) => (\S+)", output("ldd", self.binary), re.MULTILINE))
        for library in needed:
            if library.startswith("ld-linux"):
                continue
            # The package's own list has the files' real places, ldd perhaps the one through a link (/lib).
            path = os.path.realpath(paths[library])
            owners = output("dpkg", "-S", f"*/{os.path.basename(path)}")
            packages = {line.split(":")[0] for line in owners.splitlines() if os.path.realpath(line.split(": ")[1]) == path}
            # Some are asked for by the name of their binary interface.
            packages |= {name.strip().split(" ")[0] for package in packages
                         for name in output("dpkg-query", "-W", "-f", "${Provides}", package).split(",")}
            self.assertTrue(packages & depends, f"{library} is in {packages}, and Depends has {sorted(depends)}")
        self.assertLessEqual({"libmariadb3", "tzdata"}, depends)

    def test_program_is_stripped_and_runs(self):
        self.assertNotIn(".debug_info", output("readelf", "-S", self.binary))
        self.assertRegex(output(self.binary, "--version"), r"^hirestream \d+\.\d+\.\d+ \(commit \S+\)\n$")

    def test_manual_page_is_well_formed_and_knows_every_command(self):
        page = gzip.decompress(self.at("/usr/share/man/man1/hirestream.1.gz").read_bytes()).decode()
        done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-rLL=100n", "-P-c"], input=page, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        # What has no blank to break at, as a URI, may be longer than a line.
        complaints = [line for line in done.stderr.splitlines() if "can't break line" not in line and "cannot adjust line" not in line]
        self.assertEqual((done.returncode, complaints), (0, []))
        commands = re.findall(r"^  ([a-z]+) +\S", output(self.binary, "--help").split("Subcommands:")[1].split("Exit codes:")[0], re.MULTILINE)
        self.assertGreater(len(commands), 10)
        for command in commands:
            self.assertIn(f"\n.SS {command}\n", page)
        self.assertEqual(page, output(self.binary, "man"))

    def test_completions_are_those_of_the_program(self):
        for shell, path in (("bash", "/usr/share/bash-completion/completions/hirestream"),
                            ("zsh", "/usr/share/zsh/vendor-completions/_hirestream"),
                            ("fish", "/usr/share/fish/vendor_completions.d/hirestream.fish")):
            self.assertEqual(self.at(path).read_text(), output(self.binary, "completion", shell))
        output("bash", "-n", self.at("/usr/share/bash-completion/completions/hirestream"))

    def test_settings_that_come_with_it_are_right_once_the_marks_are_taken_away(self):
        text = self.at(SETTINGS).read_text()
        bare = pathlib.Path(self.folder.name) / "bare.toml"
        bare.write_text(re.sub(r"^# (\[|\w+ = )", r"\1", text, flags=re.MULTILINE))
        environment = os.environ | {"HIRESTREAM_CASSANDRA_PASSWORD": "x", "HIRESTREAM_MYSQL_PASSWORD": "x"}
        told = output(self.binary, "config", "check", "--config", bare, env=environment)
        self.assertIn("warehouse.uri", told)
        self.assertIn("source.uri", told)
        self.assertEqual([line for line in text.splitlines() if line and not line.startswith("#")], [])

    def test_service_keeps_its_promises(self):
        unit = unit_of(self.at("/usr/lib/systemd/system/hirestream.service").read_text())
        self.assertEqual({key: unit.get(key) for key in SERVICE}, SERVICE)
        self.assertIn(SETTINGS, unit["ExecStart"])
        mirror = unit_of(self.at("/usr/lib/systemd/system/hirestream-mirror.service").read_text())
        self.assertEqual({key: mirror.get(key) for key in MIRROR_SERVICE}, MIRROR_SERVICE)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
    def test_services_are_understood_by_systemd_and_shut_off_from_the_rest(self):
        for name in ("hirestream.service", "hirestream-mirror.service"):
            with self.subTest(name):
                self.check_unit(name)

    def check_unit(self, name):
        # Under the names that verify looks for, and with a program that is there.
        unit = pathlib.Path(self.folder.name) / name
        text = self.at(f"/usr/lib/systemd/system/{name}").read_text()
        unit.write_text(text.replace("ExecStart=hirestream", f"ExecStart={self.binary}").replace("Documentation=man:hirestream(1)\n", ""))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual((done.returncode, [line for line in done.stdout.splitlines() if "hirestream" in line]), (0, []))
        # Exposure times ten; 96 is a unit without any of it.
        output("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=25", unit)

    def test_install_puts_the_same_files_below_a_prefix(self):
        prefix = pathlib.Path(self.folder.name) / "opt"
        output("cmake", "--install", BUILD, "--prefix", prefix)
        found = {"/usr/" + str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
        self.assertEqual(found, set(FILES))


if __name__ == "__main__":
    unittest.main()
