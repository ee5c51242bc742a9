"""Searches on executors: the same bytes whoever replays, and whoever dies."""

import concurrent.futures
import filecmp
import os
import signal
import tempfile
import threading
import time
import unittest
from pathlib import Path

import switchyard as sy

FLAGS = {"replays": 60, "train_seeds": "1-3", "validation_seeds": "51-52", "held_out_seeds": "101-103", "duration": 60}


def search(folder, **more):
    return sy.search("azure-conv", ["memory_headroom"], out=folder, **FLAGS, **more)


class Executors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.holder.name)
        cls.expected = search(cls.folder / "threads", threads=1)

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def same(self, name):
        ours, theirs = self.folder / "threads", self.folder / name
        files = sorted(path.name for path in ours.iterdir())
        self.assertEqual(files, sorted(path.name for path in theirs.iterdir()))
        _, different, errors = filecmp.cmpfiles(ours, theirs, files, shallow=False)
        self.assertEqual((sorted(different), errors), (["timings.json"], []))

    def test_processes_of_our_own(self):
        self.assertEqual(search(self.folder / "own", workers=3), self.expected)
        self.same("own")

    def test_a_worker_that_is_killed(self):
        def kill():
            for _ in range(400):
                time.sleep(0.05)
                children = [int(line) for task in Path("/proc/self/task").iterdir()
                            for line in (task / "children").read_text().split()]
                victims = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
                if len(victims) >= 3 and (self.folder / "killed" / "study.db").exists():
                    time.sleep(0.5)
                    os.kill(victims[1], signal.SIGKILL)
                    return

        killer = threading.Thread(target=kill)
        killer.start()
        answer = search(self.folder / "killed", workers=3)
        killer.join()
        self.assertEqual(answer, self.expected)
        self.same("killed")

    def test_threads_of_an_executor(self):
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            self.assertEqual(search(self.folder / "futures", executor=executor), self.expected)
        self.same("futures")

    def test_a_pool_with_apply_async(self):
        import multiprocessing

        with multiprocessing.get_context("spawn").Pool(2) as pool:
            self.assertEqual(search(self.folder / "pool", executor=pool), self.expected)
        self.same("pool")

    def test_dask(self):
        try:
            from dask.distributed import Client
        except ImportError:
            self.skipTest("Dask is not installed")
        try:
            cluster = Client(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
        except (OSError, RuntimeError) as error:
            self.skipTest(f"Dask starts no workers here: {error}")
        with cluster as client:
            self.assertEqual(search(self.folder / "dask", executor=client), self.expected)
        self.same("dask")

    def test_ctrl_c_leaves_a_study_that_goes_on(self):
        import subprocess
        import sys

        script = ("import switchyard as sy, sys\n"
                  f"sy.search('azure-conv', ['memory_headroom'], out=r'{self.folder / 'stopped'}', threads=1, "
                  f"**{FLAGS | {'replays': 100000}})\n")
        process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
        for _ in range(200):
            time.sleep(0.05)
            if (self.folder / "stopped" / "study.db").exists():
                break
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, err = process.communicate(timeout=20)
        self.assertLess(time.monotonic() - begun, 5)
        self.assertIn("KeyboardInterrupt", err)
        self.assertTrue((self.folder / "stopped" / "study.db").exists())

    def test_what_is_no_executor(self):
        with self.assertRaisesRegex(ValueError, "give workers="):
            search(self.folder / "none", executor=object())


if __name__ == "__main__":
    unittest.main()
