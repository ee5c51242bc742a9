"""Runs a test file on the package of a build. usage: run.py EXTENSION_MODULE SOURCE_FOLDER TEST_FILE

The package is put together in a temporary folder: sources from the tree, the extension module of the build.
"""

import os
import runpy
import sys
import tempfile
from pathlib import Path

module, source, test = (Path(word).resolve() for word in sys.argv[1:4])
with tempfile.TemporaryDirectory() as folder:
    package = Path(folder) / "switchyard"
    package.mkdir()
    for path in (source / "search" / "python" / "switchyard").iterdir():
        if path.name != "__pycache__":
            (package / path.name).symlink_to(path)
    (package / module.name).symlink_to(module)
    if (module.parent / "_core.pyi").exists():
        (package / "_core.pyi").symlink_to(module.parent / "_core.pyi")
    sys.dont_write_bytecode = True
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = folder  # for processes that tests start
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["SWITCHYARD_SOURCE"] = str(source)
    sys.argv = [str(test)]
    runpy.run_path(str(test), run_name="__main__")
