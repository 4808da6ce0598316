"""A real standalone cluster on the loopback addresses: one master, a worker at 127.0.0.1 and one at 127.0.0.2, one core each.

Two addresses, since Spark never starts a speculative copy of a task on the host of the first one.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pyspark

HOME = pathlib.Path(pyspark.__file__).parent


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def finished(process, timeout=240):
    """The process of a group of its own, when it has ended; else the group goes."""
    try:
        out, errors = process.communicate(timeout=timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


class Servers:
    """Processes of their own groups, with a log each in the folder. What it starts, it stops."""

    def __init__(self, directory):
        self.directory, self.processes = pathlib.Path(directory), {}

    def launch(self, name, command, environment):
        with open(self.directory / f"{name}.log", "w", encoding="utf-8") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=environment)

    def wait(self, name, text, times=1):
        """Until the log has the text so often."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            log = (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")
            if len(re.findall(text, log)) >= times:
                return
            if self.processes[name].poll() is not None:
                break
            time.sleep(0.2)
        raise AssertionError(f"{name} does not start:\n{log[-3000:]}")

    def stop(self):
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=20)


class Cluster(Servers):
    def __init__(self, directory, environment):
        super().__init__(directory)
        self.environment = environment
        port = free_port()
        self.url = f"spark://127.0.0.1:{port}"
        try:
            self._start("master", "127.0.0.1", "org.apache.spark.deploy.master.Master", "--port", port)
            self.wait("master", "I have been elected leader")
            for number in (1, 2):
                self._start(f"worker{number}", f"127.0.0.{number}", "org.apache.spark.deploy.worker.Worker", "--cores", 1, "--memory", "1g",
                            "--work-dir", self.directory / f"work{number}", self.url)
            self.wait("master", "Registering worker", 2)
        except BaseException:
            self.stop()
            raise

    def _start(self, name, host, main, *arguments):
        # spark-class execs java, so the process is the JVM.
        self.launch(name, [HOME / "bin" / "spark-class", main, "--host", host, "--webui-port", "0", *map(str, arguments)],
                    self.environment | {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": host, "SPARK_DAEMON_MEMORY": "256m"})

    def start(self, *arguments, environment=None, **more):
        """spark-submit with what this machine needs, in a process group of its own. `more`: settings of Spark, with _ for a dot;
        `environment`: the driver's alone."""
        settings = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
                    "spark.ui.showConsoleProgress": "false", "spark.executor.memory": "512m", "spark.executor.cores": "1"}
        settings |= {"spark." + name.replace("_", "."): value for name, value in more.items()}
        conf = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
        return subprocess.Popen([HOME / "bin" / "spark-submit", "--master", self.url, *conf, *map(str, arguments)], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                env=self.environment | {"SPARK_LOCAL_IP": "127.0.0.1"} | (environment or {}))

    def submit(self, *arguments, timeout=240, **more):
        """The same, until it ends; the finished process."""
        return finished(self.start(*arguments, **more), timeout)
