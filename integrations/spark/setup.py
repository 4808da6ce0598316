"""A wheel that carries the built library: for every Python 3 of this platform, since it is loaded and not linked.

The library is taken from HIRESTREAM_KERNEL, or from the build folder of the repository that this lies in.
"""
import os
import pathlib
import shutil

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py
from wheel.bdist_wheel import bdist_wheel

HERE = pathlib.Path(__file__).resolve().parent
NAME = "libhirestream_kernel.so"


def library() -> pathlib.Path:
    given = os.environ.get("HIRESTREAM_KERNEL")
    found = pathlib.Path(given) if given else HERE.parent.parent / "build" / NAME
    if not found.is_file():
        raise SystemExit(f"{found} is missing: build it (make wheel), or name it in HIRESTREAM_KERNEL")
    return found


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        shutil.copy(library(), pathlib.Path(self.build_lib) / "hirestream" / NAME)


class PlatformWheel(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class BinaryDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel}, distclass=BinaryDistribution)
