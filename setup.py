"""Compiles the modules that have a .pxd beside them: all of them, or none.

GALIDIA_REQUIRE_COMPILED=1: a failed compilation is a failed build, not a pure one.
GALIDIA_PURE_BUILD=1: nothing is compiled; the wheel is py3-none-any.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import warnings
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = "src"
DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    "nonecheck": True,
    "warn.unreachable": False,  # what follows a compiled way that returns is the pure one
}
# Some interpreters are built with -O2 and most with -g, which only makes the modules large.
FLAGS = [] if sys.platform == "win32" else ["-O3", "-g0"]


def twins() -> list[tuple[str, str]]:
    """Name and path of each module with a .pxd; a .pxd without a .py only declares."""
    found = []
    for pxd in sorted(Path(SOURCE, "galidia").rglob("*.pxd")):
        module = pxd.with_suffix(".py")
        if module.exists():
            name = ".".join(module.relative_to(SOURCE).with_suffix("").parts)
            found.append((name, module.as_posix()))
    return found


class AllOrNone(build_ext):
    """Modules of two builds in one package do not fit together: one failure undoes all."""

    def run(self) -> None:
        in_place = bool(self.inplace)
        try:
            self.translate()
            self.parallel = self.parallel or os.cpu_count()
            super().run()
            if in_place:
                self.drop_orphans()
        except Exception as error:
            if os.environ.get("GALIDIA_REQUIRE_COMPILED"):
                raise
            for root in [self.build_lib] + [SOURCE] * in_place:
                for extension in self.extensions:
                    Path(root, self.get_ext_filename(extension.name)).unlink(missing_ok=True)
            self.extensions = []
            warnings.warn(f"not compiled, running as pure Python: {error!r}", stacklevel=1)

    def drop_orphans(self) -> None:
        """A binary whose source is gone would still be imported."""
        wanted = {Path(SOURCE, self.get_ext_filename(e.name)) for e in self.extensions}
        for binary in Path(SOURCE, "galidia").rglob("*" + sysconfig.get_config_var("EXT_SUFFIX")):
            if binary not in wanted:
                binary.unlink()

    def translate(self) -> None:
        from Cython.Build import cythonize

        translated = cythonize(
            [Extension(extension.name, extension.sources) for extension in self.extensions],
            compiler_directives=DIRECTIVES,
            build_dir="build/cython",
            nthreads=os.cpu_count(),
        )
        sources = {extension.name: extension.sources for extension in translated}
        for extension in self.extensions:
            extension.sources = sources[extension.name]


if __name__ == "__main__":
    modules = [] if os.environ.get("GALIDIA_PURE_BUILD") else twins()
    setup(
        ext_modules=[
            # A changed setup.py may mean changed flags.
            Extension(name, [path], extra_compile_args=FLAGS, depends=["setup.py"])
            for name, path in modules
        ],
        cmdclass={"build_ext": AllOrNone},
    )
