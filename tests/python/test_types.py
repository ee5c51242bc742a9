"""Types: the package's own, and those that users see."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import switchyard as sy

GOOD = """
import numpy as np
import switchyard as sy


class Least(sy.Policy):
    def schedule(self, cluster: sy.Cluster) -> None:
        while cluster.queue_length():
            request: sy.QueuedRequest = cluster.queued(cluster.first_queued())
            cluster.assign(request.id, cluster.least_outstanding())


result: sy.Result = sy.run("azure-conv", Least(), seed=42)
completed: np.ndarray = result.requests["completed_at_ps"]
faults: list[str] = sy.check_policy(Least)
study = sy.Study("azure-conv", ["hra"])
for job in study.ask():
    study.tell(job, sy.run(study.scenario, job.policy, job.seed))
"""

BAD = """
import switchyard as sy


class Wrong(sy.Policy):
    def schedule(self, cluster: sy.Cluster) -> None:
        cluster.assign("first", cluster.least_outstanding())
        cluster.num_decode_tokens(0)


sy.run("azure-conv", Wrong(), seed="42")
"""


class Types(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            import mypy  # noqa: F401
        except ImportError:
            raise unittest.SkipTest("mypy is not installed") from None
        cls.package = Path(sy.__file__).parent
        if not (cls.package / "_core.pyi").exists():
            raise unittest.SkipTest("the build made no stubs")

    def check(self, *words):
        environment = dict(os.environ, MYPYPATH=str(self.package.parent))
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([sys.executable, "-m", "mypy", "--cache-dir", cache, *words], capture_output=True,
                                  text=True, env=environment)
        return done.returncode, done.stdout + done.stderr

    def test_the_package(self):
        self.assertEqual(self.check("--ignore-missing-imports", "-p", "switchyard")[0], 0,
                         self.check("--ignore-missing-imports", "-p", "switchyard")[1])

    def test_what_users_write(self):
        with tempfile.TemporaryDirectory() as folder:
            good, bad = Path(folder) / "good.py", Path(folder) / "bad.py"
            good.write_text(GOOD)
            bad.write_text(BAD)
            code, text = self.check("--ignore-missing-imports", str(good))
            self.assertEqual(code, 0, text)
            code, text = self.check("--ignore-missing-imports", str(bad))
        self.assertEqual(code, 1)
        for line in (7, 8, 11):
            self.assertIn(f"bad.py:{line}: error", text)

    def test_every_public_name_has_a_docstring(self):
        for name in sy.__all__:
            thing = getattr(sy, name)
            if not isinstance(thing, str):
                self.assertTrue(thing.__doc__, name)


if __name__ == "__main__":
    unittest.main()
