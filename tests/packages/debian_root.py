"""A Debian system of its own in a folder: made by debootstrap from the archive that this machine's apt uses, entered by chroot in namespaces of its
own, and started with its own systemd as process 1. Needs root. Whatever runs inside ends with the object.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import time

CACHE = pathlib.Path(os.environ.get("HIRESTREAM_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "hirestream") / "debian"
CACHE_LIFETIME_S = 7 * 86400
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/srv", "LANG": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive", "container": "chroot"}
# Nothing that a package installs is started, and apt is as patient as elsewhere.
APT = ["apt-get", "-q", "-y", "--no-install-recommends", "-o", "Acquire::Retries=3", "-o", "Dpkg::Use-Pty=0"]
# What systemd needs of a machine: the file systems of the kernel, a control group of its own and some devices.
BOOT = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
mount -t tmpfs tmpfs "$1/run"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs tmpfs "$1/dev"
for device in null zero full random urandom tty; do
  touch "$1/dev/$device"
  mount --bind "/dev/$device" "$1/dev/$device"
done
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
mkdir "$1/dev/shm"
mount -t tmpfs tmpfs "$1/dev/shm"
# Not chroot alone: systemd makes a service's view of the files from the root of its own name space.
cd "$1"
pivot_root . .
umount -l .
exec chroot . /lib/systemd/systemd --system --unit=multi-user.target --show-status=no
"""


class Failed(Exception):
    pass


def call(command, *, check=True, timeout=600, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=timeout, check=False, **options)
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout[-6000:]}")
    return done


def archive():
    """Where this machine's apt has Debian from, without the last folder's name."""
    for line in call(["apt-get", "indextargets", "--format", "$(REPO_URI)"]).stdout.split():
        if line.rstrip("/").endswith("/debian"):
            return line.rstrip("/").removesuffix("/debian")
    raise Failed("this machine's package sources name no Debian archive: see /etc/apt/sources.list.d")


def base(suite, packages):
    """The archive of a fresh system with these packages; made anew once a week, so that it is near to what people have."""
    kept = CACHE / f"{suite}.tar"
    if kept.exists() and time.time() - kept.stat().st_mtime < CACHE_LIFETIME_S:
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / f"{suite}.new"
    shutil.rmtree(folder, ignore_errors=True)
    call(["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, folder, f"{archive()}/debian"], timeout=1800)
    partial = kept.with_suffix(".part")
    call(["tar", "-C", folder, "-cf", partial, "."])
    partial.rename(kept)
    shutil.rmtree(folder)
    return kept


class DebianRoot:
    def __init__(self, suite, folder, packages=("ca-certificates", "dbus", "systemd")):
        self.folder = pathlib.Path(folder)
        self.init = None
        self.folder.mkdir(parents=True)
        call(["tar", "-C", self.folder, "-xf", base(suite, packages)])
        lines = [f"deb {archive()}/{part}{'-security' if at == 'security' else ''} {suite}{at and '-' + at} main"
                 for part, at in (("debian", ""), ("debian", "updates"), ("debian", "security"))]
        self.write("etc/apt/sources.list", "\n".join(lines) + "\n")
        self.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n").chmod(0o755)
        shutil.copy("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        # The machine's own authorities, where it has some, so that cargo can fetch.
        for certificate in pathlib.Path("/usr/local/share/ca-certificates").glob("*.crt"):
            shutil.copy(certificate, self.folder / "usr/local/share/ca-certificates")
        for settings in pathlib.Path("/etc/apt/apt.conf.d").glob("*"):
            if "Acquire::Check" in settings.read_text(errors="replace"):
                shutil.copy(settings, self.folder / "etc/apt/apt.conf.d")
        self.run("update-ca-certificates")
        self.run(*APT, "update")

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run(self, *command, check=True, timeout=600, environment=None, cwd="/"):
        """Without systemd: in a mount and process namespace of its own. With it: among its processes."""
        script = 'cd "$0" && exec "$@"'
        inside = ["sh", "-c", script, cwd, *command]
        if self.init is None:
            mounts = 'mount --bind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec "$@"'
            entered = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", mounts, self.folder,
                       "chroot", self.folder, *inside]
        else:
            entered = ["nsenter", "--target", self.init, "--mount", "--pid", "--cgroup", "--ipc", "--uts", "--root", "--wd", *inside]
        return call(entered, check=check, timeout=timeout, env=ENVIRONMENT | (environment or {}))

    @contextlib.contextmanager
    def booted(self):
        outer = subprocess.Popen(["unshare", "--mount", "--pid", "--cgroup", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", BOOT, "boot",
                                  str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                 env=ENVIRONMENT)
        try:
            self.init = self._init_below(outer)
            self.wait_for(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                          "systemd has started", 60)
            yield
        finally:
            self.init = None
            outer.kill()
            outer.wait()
            outer.stderr.close()

    @staticmethod
    def _init_below(outer):
        for _ in range(300):
            children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
            if children and pathlib.Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd":
                return children[0]
            if outer.poll() is not None:
                raise Failed(f"systemd did not start: {outer.stderr.read()}")
            time.sleep(0.1)
        raise Failed("systemd did not start within 30 s")

    @staticmethod
    def wait_for(condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"not within {seconds} s: {what}")
            time.sleep(0.2)
