"""The Debian package in a clean system with its own systemd: installed, run as a service, upgraded, removed, purged; and the build on Debian 13.

usage: prove.py [--summary FILE] [--only install|trixie] [--build FOLDER]
"""
import argparse
import datetime
import os
import pathlib
import platform
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time

from debian_root import APT, DebianRoot, Failed, call

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SERVICE = "hirestream.service"
DYNAMIC_USERS = (61184, 65519)
AWKWARD_PASSWORD = "a$b&touch /srv/run_by_a_shell;(c"
PASSWORD_FILES = ("environment", "mirror.environment", "mysql-password")
CLICK = "449eb280-f925-11ec-8001-{:012x},2022-07-01 10:05:00,click,1,0.5\n"


class Report:
    def __init__(self):
        self.parts = []

    def part(self, name):
        print(f"== {name}", flush=True)
        self.parts.append((name, []))

    def seen(self, text):
        print(f"   {text}", flush=True)
        self.parts[-1][1].append(text)

    def markdown(self, began, only):
        release = platform.freedesktop_os_release()["PRETTY_NAME"]
        out = ["# Packages", "", f"Written by `make packages{only and f' ARGS=--only={only}'}`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, in "
               f"{(time.monotonic() - began) / 60:.0f} minutes.", "", f"- Machine: {os.cpu_count()} cores, {release}, kernel {platform.release()}",
               f"- Commit: {call(['git', '-C', ROOT, 'describe', '--always', '--dirty', '--abbrev=10'], check=False).stdout.strip()}"]
        for name, lines in self.parts:
            out += ["", f"## {name}", ""] + [f"- {line}" for line in lines]
        return "\n".join(out) + "\n"


def expect(condition, what):
    if not condition:
        raise Failed(what)


def packed(build, folder, release):
    call(["cpack", "--config", build / "CPackConfig.cmake", "-D", f"CPACK_DEBIAN_PACKAGE_RELEASE={release}", "-B", folder], cwd=build)
    (deb,) = folder.glob("*.deb")
    return deb


class InstalledService:
    """The service in a root whose systemd runs."""

    def __init__(self, root):
        self.root = root

    def show(self, name):
        return self.root.run("systemctl", "show", "-P", name, SERVICE).stdout.strip()

    def pid(self):
        return int(self.show("MainPID"))

    def control(self, *words, check=True, timeout=120):
        return self.root.run("systemctl", *words, check=check, timeout=timeout)

    def wait_until(self, condition, what, seconds=60):
        try:
            DebianRoot.wait_for(condition, what, seconds)
        except Failed as error:
            log = self.root.run("journalctl", "--no-pager", "-n", "40", "-u", SERVICE, check=False).stdout
            raise Failed(f"{error}\n{self.control('status', '--no-pager', SERVICE, check=False).stdout}\n{log}") from None

    def is_active(self):
        return self.show("ActiveState") == "active"

    def clicks(self):
        done = self.root.run("hirestream", "status", "--json", "--warehouse", "sqlite:/var/lib/hirestream/etl.db", check=False)
        match = re.search(r'"counted": (\d+)', done.stdout)
        return int(match[1]) if match else None


def install(root, deb):
    place = root.folder / "srv" / deb.name
    place.write_bytes(deb.read_bytes())
    root.run(*APT, "install", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", f"/srv/{deb.name}")


def write_rows(root, name, first, count):
    rows = "".join(CLICK.format(first + i) for i in range(count))
    root.write(f"srv/rows/{name}.part", f"create_time,ts,custom_track,job_id,bid\n{rows}").rename(root.folder / f"srv/rows/{name}.csv")


def configure(root):
    text = '[source]\nuri = "csv:/srv/rows"\n[warehouse]\nuri = "sqlite:etl.db"\n'
    root.write("etc/hirestream/hirestream.toml", text)
    write_rows(root, "first", 0, 100)


def check_fresh(root, report):
    report.part("Installed in a clean Debian 12")
    text = root.run("hirestream", "--version").stdout.strip()
    report.seen(f"`hirestream --version`: {text}")
    shown = root.run("hirestream", "demo", "--no-http", "--seconds", "3", "--rows", "20000", timeout=300, cwd="/tmp").stdout
    verified = re.search(r"^verified: .*$", shown, re.MULTILINE)
    expect(verified, f"the demo does not end well:\n{shown[-2000:]}")
    report.seen(f"`hirestream demo`: {verified[0]}")
    missing = [line for line in root.run("ldd", "/usr/bin/hirestream").stdout.splitlines() if "not found" in line]
    expect(not missing, str(missing))
    report.seen("every library is there with the package's dependencies alone")


def documented_doctor():
    """The command of docs/install.md, without sudo and without a terminal."""
    text = (ROOT / "docs/install.md").read_text(encoding="utf-8").replace("\\\n", " ")
    line = re.search(r"^ +sudo (systemd-run .*hirestream doctor .*)$", text, re.MULTILINE)[1]
    return shlex.split(line.replace("--pty", "--pipe"))


def check_service(root, service, report):
    report.part("As a service, under systemd")
    expect(service.control("is-enabled", SERVICE, check=False).stdout.strip() == "disabled", "it must not be enabled by the installation")
    begun = service.control("start", SERVICE, check=False)
    expect(begun.returncode != 0, "it starts without settings")
    expect(service.show("ExecMainStatus") == "2" and service.show("NRestarts") == "0", "exit code 2 must not be followed by a start")
    report.seen("without settings: exit code 2, and not started again")
    configure(root)
    service.control("reset-failed", SERVICE)
    service.control("enable", "--now", SERVICE)
    expect(service.is_active(), "READY=1 does not make it active")
    service.wait_until(lambda: service.clicks() == 100, "100 rows are counted")
    report.seen(f"`systemctl enable --now`: active once its engines count; status: {service.show('StatusText')}; 100 rows counted")
    root.write("etc/hirestream/environment", f"HIRESTREAM_MYSQL_PASSWORD={AWKWARD_PASSWORD}\n").chmod(0o600)
    said = root.run(*documented_doctor(), check=False)
    expect(said.returncode == 0 and "warehouse write lock: ok" in said.stdout, f"doctor as docs/install.md has it: {said.stdout}{said.stderr}")
    expect(not (root.folder / "srv/run_by_a_shell").exists(), "a shell has read the file of passwords")
    (root.folder / "etc/hirestream/environment").unlink()
    expect(service.is_active(), "doctor beside it ends the service")
    report.seen("`hirestream doctor` as docs/install.md has it: as the service's user, with a password that a shell would run, beside the service")
    user = int(root.run("ps", "-o", "uid=", "-p", str(service.pid())).stdout)
    expect(DYNAMIC_USERS[0] <= user <= DYNAMIC_USERS[1], f"it runs as user {user}")
    limits = (pathlib.Path(f"/proc/{root.init}/root/proc/{service.pid()}/limits")).read_text()
    # Where the machine itself allows fewer, as a container may, systemd takes what it can.
    files, allowed = int(re.search(r"Max open files +(\d+)", limits)[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    expect(files == min(65536, allowed), f"{files} open files, the machine allows {allowed}")
    report.seen(f"a dynamic user of its own, {files} open files (the machine allows {allowed})")


def check_failures(root, service, report):
    report.part("What ends it")
    before = service.pid()
    root.run("kill", "-9", str(before))
    service.wait_until(lambda: service.is_active() and service.pid() not in (0, before), "it is started again after kill -9")
    report.seen("kill -9: started again")
    root.write(f"etc/systemd/system/{SERVICE}.d/watchdog.conf", "[Service]\nWatchdogSec=4s\n")
    service.control("daemon-reload")
    service.control("restart", SERVICE)
    before = service.pid()
    time.sleep(10)
    expect(service.is_active() and service.pid() == before, "the watchdog ends an engine that is well")
    report.seen("watchdog (4 s for the test): an engine that is well is left alone")
    root.run("kill", "-STOP", str(before))
    service.wait_until(lambda: service.is_active() and service.pid() not in (0, before), "the watchdog ends a stuck process, and it is started again")
    report.seen("SIGSTOP: ended by the watchdog and started again")
    root.write("etc/hirestream/environment", "HIRESTREAM_ENGINE_GRACE=soon\n").chmod(0o600)
    restarts = service.show("NRestarts")
    service.control("restart", SERVICE, check=False)
    service.wait_until(lambda: service.show("ActiveState") == "failed", "it fails with a bad setting")
    time.sleep(4)
    expect(service.show("ActiveState") == "failed" and service.show("ExecMainStatus") == "2", "it is started again after exit code 2")
    expect(int(service.show("NRestarts")) <= int(restarts), "it was started again after exit code 2")
    report.seen("a setting that is wrong: exit code 2, stays failed")
    (root.folder / "etc/hirestream/environment").unlink()
    service.control("restart", SERVICE)
    write_rows(root, "second", 1000, 50)
    service.wait_until(lambda: service.clicks() == 150, "what came after all this is counted once")
    report.seen("150 rows counted after all this, none lost or counted twice")


def check_upgrade(root, service, newer, report):
    report.part("Upgraded")
    before, settings = service.pid(), (root.folder / "etc/hirestream/hirestream.toml").read_text()
    install(root, newer)
    service.wait_until(lambda: service.is_active() and service.pid() not in (0, before), "the new version runs")
    expect((root.folder / "etc/hirestream/hirestream.toml").read_text() == settings, "the settings were replaced")
    version = root.run("dpkg-query", "-W", "-f", "${Version}", "hirestream").stdout
    expect(version.endswith("-2"), version)
    write_rows(root, "third", 2000, 25)
    service.wait_until(lambda: service.clicks() == 175, "the new version goes on")
    report.seen(f"to {version}: the running service went on with the new program, settings as they were, 175 rows counted")


def check_removal(root, service, report):
    report.part("Removed and purged")
    for name in PASSWORD_FILES:
        root.write(f"etc/hirestream/{name}", "HIRESTREAM_MYSQL_PASSWORD=secret\n").chmod(0o600)
    root.run(*APT, "remove", "hirestream")
    service.wait_until(lambda: not root.run("pgrep", "-x", "hirestream", check=False).stdout, "no process is left")
    expect(not (root.folder / "usr/bin/hirestream").exists(), "the program is still there")
    kept = [name for name in ("hirestream.toml", *PASSWORD_FILES) if (root.folder / "etc/hirestream" / name).exists()]
    expect(len(kept) == 1 + len(PASSWORD_FILES), f"of the settings only {kept} are left")
    report.seen("removed: service stopped, program gone, settings and data there")
    root.run("dpkg", "--purge", "hirestream")
    settings = root.folder / "etc/hirestream"
    expect(not settings.exists(), f"the settings are still there: {sorted(path.name for path in settings.glob('*'))}")
    left = [line for line in root.run("find", "/usr", "/etc", "/lib", "-iname", "*hirestream*").stdout.split() if not line.endswith(f"{SERVICE}.d")]
    expect(not left, f"left behind: {left}")
    expect((root.folder / "var/lib/private/hirestream/etl.db").exists(), "what it counted is gone")
    report.seen("purged: nothing left in /etc, /usr and /lib; what it counted stays in /var/lib/hirestream")


def prove_install(build, report):
    with tempfile.TemporaryDirectory(prefix="hirestream-packages-") as folder:
        folder = pathlib.Path(folder)
        older, newer = packed(build, folder / "older", 1), packed(build, folder / "newer", 2)
        root = DebianRoot("bookworm", folder / "root")
        install(root, older)
        check_fresh(root, report)
        root.run(*APT, "install", "procps", "lintian", "dbus")
        # What Debian asks of its own packages alone: a changelog, an address to write to.
        spoken = root.run("lintian", "--no-cfg", "--fail-on", "error", "--suppress-tags", "no-changelog,bogus-mail-host",
                          f"/srv/{older.name}", check=False)
        expect(spoken.returncode == 0, f"lintian: {spoken.stdout}")
        report.seen("lintian: no errors")
        with root.booted():
            service = InstalledService(root)
            check_service(root, service, report)
            check_failures(root, service, report)
            check_upgrade(root, service, newer, report)
            check_removal(root, service, report)


def prove_trixie(report):
    report.part("Debian 13")
    with tempfile.TemporaryDirectory(prefix="hirestream-trixie-") as folder:
        folder = pathlib.Path(folder)
        root = DebianRoot("trixie", folder / "root")
        sources = root.folder / "src/hirestream"
        sources.mkdir(parents=True)
        # As it stands here, as sources come without git.
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(f"tar -C '{ROOT}' --null --ignore-failed-read -T - -cf - | tar -C '{sources}' -xf -", input=listed, shell=True, check=True)
        jobs = os.environ.get("JOBS", str(os.cpu_count()))
        in_tree = {"cwd": "/src/hirestream", "timeout": 3 * 3600}
        root.run(".ci/setup", "--build", **in_tree)
        compiler = root.run("g++", "--version").stdout.splitlines()[0]
        root.run("cmake", "--preset", "release", **in_tree)
        root.run("cmake", "--build", "build", "-j", jobs, **in_tree)
        report.seen(f"built from the sources without git by {compiler}: {root.run('build/hirestream', '--version', **in_tree).stdout.strip()}")
        # Without those that are written in other languages, which bring their own libraries.
        tested = root.run("ctest", "--test-dir", "build", "-L", "^unit$", "-E", "^(dashboard_check|oracle|structure)", "-j", jobs, "--timeout", "300",
                          "--output-on-failure", **in_tree)
        report.seen(f"unit tests: {re.search(r'^.*tests passed.*$', tested.stdout, re.MULTILINE)[0]}")
        root.run("cpack", "--config", "CPackConfig.cmake", cwd="/src/hirestream/build", timeout=600)
        (deb,) = (sources / "build").glob("*.deb")
        root.run(*APT, "install", f"/src/hirestream/build/{deb.name}")
        report.seen(f"its own package is installed there: {root.run('hirestream', '--version').stdout.strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--summary", type=pathlib.Path, help="write it as Markdown")
    parser.add_argument("--only", choices=["install", "trixie"])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("prove: a system in a folder needs root")
    began, report = time.monotonic(), Report()
    try:
        if options.only != "trixie":
            prove_install(options.build.resolve(), report)
        if options.only != "install":
            prove_trixie(report)
    except Failed as error:
        sys.exit(f"prove: {error}")
    if options.summary:
        options.summary.write_text(report.markdown(began, options.only or ""))


if __name__ == "__main__":
    main()
