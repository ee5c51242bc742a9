"""The examples run from beginning to end."""

import contextlib
import io
import os
import runpy
import tempfile
import unittest
from pathlib import Path

EXAMPLES = Path(os.environ["SWITCHYARD_SOURCE"]) / "search" / "python" / "examples"


class Examples(unittest.TestCase):
    def run_example(self, name, *wanted):
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            os.chdir(folder)
            try:
                runpy.run_path(str(EXAMPLES / name), run_name="__main__")
            finally:
                os.chdir(before)
        for text in wanted:
            self.assertIn(text, out.getvalue())

    def test_all_are_here(self):
        tested = {name.removeprefix("test_example_") + ".py" for name in dir(self) if name.startswith("test_example_")}
        self.assertEqual({path.name for path in EXAMPLES.glob("*.py")}, tested)

    def test_example_first_comparison(self):
        self.run_example("first_comparison.py", "llq", "p99")

    def test_example_router_in_20_lines(self):
        self.run_example("router_in_20_lines.py", "seed 103")

    def test_example_search_with_dask(self):
        self.run_example("search_with_dask.py", "the same as with one thread: True")

    def test_example_study_with_optuna(self):
        try:
            import optuna  # noqa: F401
        except ImportError:
            self.skipTest("Optuna is not installed")
        self.run_example("study_with_optuna.py", "best in training")


if __name__ == "__main__":
    unittest.main()
