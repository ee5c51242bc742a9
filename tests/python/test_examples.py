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

    def test_the_evaluator_of_openevolve(self):
        folder = EXAMPLES / "openevolve"
        evaluate = runpy.run_path(str(folder / "evaluator.py"))["evaluate"]
        metrics = evaluate(folder / "initial_program.py")
        metrics = getattr(metrics, "metrics", metrics)
        self.assertAlmostEqual(metrics["combined_score"], 1.0)  # it is llq
        self.assertGreater(metrics["chat-pressure_mean_e2e_s"], 1)
        try:
            import yaml
        except ImportError:
            self.skipTest("PyYAML is not installed")
        config = yaml.safe_load((folder / "config.yaml").read_text())
        self.assertGreater(config["evaluator"]["timeout"], 240)
        self.assertNotIn("api_key", str(config))

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
