"""A real YARN on the loopback address: Hadoop's ResourceManager and one NodeManager of 4 GiB, without HDFS. Its containers' Python has pyarrow
and pandas, and neither PySpark nor anything of hirestream.

Nobody but whoever runs the tests is known to it: containers run as that user (DefaultContainerExecutor).
"""

import os
import pathlib
import shutil
import signal
import subprocess
import xml.sax.saxutils

from cluster import HOME, Servers, free_port
from conftest import ROOT

MAIN = {"resourcemanager": "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
        "nodemanager": "org.apache.hadoop.yarn.server.nodemanager.NodeManager"}
# Hadoop 3.3.4 was made for Java 8 and 11; Spark tells its own containers what Java 17 wants.
JAVA_OPTIONS = ["-Xmx256m", "-XX:+IgnoreUnrecognizedVMOptions", "--add-opens=java.base/java.lang=ALL-UNNAMED"]


def java_home():
    """Of the Java that spark-submit takes, too."""
    return os.environ.get("JAVA_HOME") or str(pathlib.Path(shutil.which("java")).resolve().parents[1])


def properties(values):
    entries = "".join(f"<property><name>{name}</name><value>{xml.sax.saxutils.escape(str(value))}</value></property>\n"
                      for name, value in values.items())
    return f"<configuration>\n{entries}</configuration>\n"


class Yarn(Servers):
    def __init__(self, directory):
        super().__init__(directory)
        place = subprocess.run([ROOT / "tests" / "support" / "spark" / "setup", "yarn"], text=True, stdout=subprocess.PIPE, check=True)
        self.place = pathlib.Path(place.stdout.strip())
        self.python, self.logs = self.place / "bin" / "python", self.directory / "logs"
        self.path = f"{HOME}/bin:{os.environ['PATH']}"
        self._configure()
        try:
            for name, ready in (("resourcemanager", "Transitioned to active state"), ("nodemanager", "Registered with ResourceManager")):
                self.launch(name, [f"{java_home()}/bin/java", *JAVA_OPTIONS, "-cp", f"{self.directory}/conf:{self.place}/jars/*", MAIN[name]],
                            os.environ | {"JAVA_HOME": java_home()})
                self.wait(name, ready)
        except BaseException:
            self.stop()
            raise

    def _configure(self):
        conf = self.directory / "conf"
        conf.mkdir()
        addresses = [f"resourcemanager.{name}address" for name in ("", "scheduler.", "resource-tracker.", "admin.", "webapp.")]
        addresses += [f"nodemanager.{name}address" for name in ("", "localizer.", "webapp.")]
        settings = {f"yarn.{name}": f"127.0.0.1:{free_port()}" for name in addresses}
        settings |= {
            "yarn.nodemanager.local-dirs": self.directory / "local", "yarn.nodemanager.log-dirs": self.logs,
            # What a container had can be looked at after its end.
            "yarn.nodemanager.delete.debug-delay-sec": 3600,
            "yarn.nodemanager.resource.memory-mb": 4096, "yarn.nodemanager.resource.cpu-vcores": 4,
            "yarn.scheduler.minimum-allocation-mb": 128, "yarn.nodemanager.vmem-check-enabled": "false",
            "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99.9,
            "yarn.scheduler.capacity.root.queues": "default", "yarn.scheduler.capacity.root.default.capacity": 100,
            "yarn.scheduler.capacity.maximum-am-resource-percent": 1}
        (conf / "yarn-site.xml").write_text(properties(settings), encoding="utf-8")
        (conf / "core-site.xml").write_text(properties({"fs.defaultFS": "file:///", "hadoop.tmp.dir": self.directory / "tmp"}), encoding="utf-8")
        (conf / "log4j.properties").write_text(
            "log4j.rootLogger=INFO, console\nlog4j.appender.console=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.console.layout=org.apache.log4j.PatternLayout\nlog4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n\n",
            encoding="utf-8")
        # The jars stay where they are: else each submission makes a zip of them, 300 MB, which each node unpacks.
        spark = {"spark.yarn.jars": f"local:{HOME}/jars/*", "spark.yarn.stagingDir": self.directory / "staging", "spark.executor.instances": 2,
                 "spark.executor.memory": "512m", "spark.driver.memory": "512m", "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
                 "spark.yarn.appMasterEnv.SPARK_LOCAL_IP": "127.0.0.1", "spark.executorEnv.SPARK_LOCAL_IP": "127.0.0.1"}
        (conf / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in spark.items()), encoding="utf-8")

    def start(self, line, directory, environment=None):
        """A line of shell with spark-submit, in the directory; what this machine needs is in Spark's and Hadoop's own settings."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HIRESTREAM_", "PYTHONPATH", "PYSPARK_"))}
        clean |= {"HADOOP_CONF_DIR": f"{self.directory}/conf", "SPARK_CONF_DIR": f"{self.directory}/conf", "SPARK_HOME": str(HOME),
                  "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": str(self.python)}
        return subprocess.Popen(["bash", "-c", line], cwd=directory, env=clean | (environment or {}), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, start_new_session=True)

    def kill_driver(self):
        """With its whole container: the first of the last application, which runs in cluster mode."""
        files = sorted((self.directory / "local" / "nmPrivate").glob("application_*/container_*_01_000001/*.pid"))
        os.killpg(int(files[-1].read_text(encoding="ascii")), signal.SIGKILL)
