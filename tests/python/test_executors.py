"""Searches on executors: the same bytes whoever replays, and whoever dies."""

import concurrent.futures
import filecmp
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import switchyard as sy

FLAGS = {"replays": 60, "train_seeds": "1-3", "validation_seeds": "51-52", "held_out_seeds": "101-103", "duration": 60}


def search(folder, **more):
    return sy.search("azure-conv", ["memory_headroom"], out=folder, **{**FLAGS, **more})


class Searches(unittest.TestCase):
    """Searches that leave what one thread leaves."""

    MORE: dict = {}

    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.holder.name)
        cls.expected = search(cls.folder / "threads", threads=1, **cls.MORE)

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def same(self, name):
        ours, theirs = self.folder / "threads", self.folder / name
        files = sorted(path.name for path in ours.iterdir())
        self.assertEqual(files, sorted(path.name for path in theirs.iterdir()))
        _, different, errors = filecmp.cmpfiles(ours, theirs, files, shallow=False)
        self.assertEqual((sorted(different), errors), (["timings.json"], []))


def children(name):
    """Processes below this one whose command line holds a text."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
    found = []
    for process in parents:
        above = process
        while above in parents and above != os.getpid():
            above = parents[above]
        try:
            if above == os.getpid() and name in Path(f"/proc/{process}/cmdline").read_text():
                found.append(process)
        except OSError:
            continue
    return sorted(found)


class Killed(Searches):
    """One of three workers is killed in mid-study."""

    MORE = {"replays": 900}

    def search_with_a_death(self, name, processes, least=2, **how):
        """`processes` tells who replays; one of `least` is killed as soon as a good deal has been written down."""
        wal = self.folder / name / "study.db"
        outcome = {}

        def kill():
            while "ended" not in outcome:
                time.sleep(0.02)
                if wal.exists() and any(path.stat().st_size > 30_000 for path in wal.parent.glob("study.db*")):
                    victims = processes()
                    if len(victims) >= least:
                        os.kill(victims[1], signal.SIGKILL)
                        outcome["killed"] = "ended" not in outcome
                        return

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            answer = search(self.folder / name, **self.MORE, **how)
        finally:
            outcome["ended"] = True
            killer.join()
        self.assertTrue(outcome.get("killed"), "nobody was killed: the search is too short for this test")
        self.assertEqual(answer, self.expected)
        self.same(name)
        return answer

    def test_of_our_own_processes(self):
        answer = self.search_with_a_death("own", lambda: children("switchyard.replayer"), least=3,
                                          workers=3)  # two of them replay by then
        self.assertGreaterEqual(answer.traffic["lost_batches"], 1)

    def test_of_a_pool_of_multiprocessing(self):
        with multiprocessing.get_context("spawn").Pool(3) as pool:
            self.search_with_a_death("pool", lambda: [one.pid for one in pool._pool], executor=pool)

    def test_of_an_executor_that_does_not_survive_it(self):
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
            with self.assertRaises(concurrent.futures.process.BrokenProcessPool):
                self.search_with_a_death("futures", lambda: sorted(executor._processes or {}), executor=executor)
        self.assertEqual(search(self.folder / "futures", resume=True, **self.MORE), self.expected)
        self.same("futures")

    def test_of_dask(self):
        try:
            from dask.distributed import Client
        except ImportError:
            self.skipTest("Dask is not installed")
        try:
            cluster = Client(n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None)
        except (OSError, RuntimeError) as error:
            self.skipTest(f"Dask starts no workers here: {error}")
        with cluster as client:
            processes = sorted(client.run(os.getpid).values())
            self.search_with_a_death("dask", lambda: processes, executor=client)

    def test_of_ray(self):
        try:
            import ray
            from ray.util.multiprocessing import Pool
        except ImportError:
            self.skipTest("Ray is not installed")
        try:
            ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # noqa: BLE001 (whatever keeps it from starting here)
            self.skipTest(f"Ray does not start here: {error}")
        try:
            with Pool(3) as pool:
                processes = sorted(pool.map(process_of_worker, range(30)))
                self.search_with_a_death("ray", lambda: sorted(set(processes)), executor=pool)
        finally:
            ray.shutdown()


def process_of_worker(_):
    return os.getpid()


class Mpi(Searches):
    def test_mpi4py(self):
        try:
            import mpi4py  # noqa: F401
        except ImportError:
            self.skipTest("mpi4py is not installed")
        environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        launch = ["mpirun", "--oversubscribe", "-n", "3", sys.executable, "-m", "mpi4py.futures"]
        script = self.folder / "driver.py"
        script.write_text("import sys, json\nfrom mpi4py.futures import MPIPoolExecutor\nimport switchyard as sy\n"
                          "if __name__ == '__main__':\n"
                          "    with MPIPoolExecutor() as executor:\n"
                          "        sy.search('azure-conv', ['memory_headroom'], executor=executor, "
                          f"out=r'{self.folder / 'mpi4py'}', **{FLAGS})\n")
        trial = self.folder / "trial.py"
        trial.write_text("from mpi4py import MPI\n")
        try:
            subprocess.run([*launch, str(trial)], env=environment, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            self.skipTest(f"mpirun starts no processes here: {error}")
        done = subprocess.run([*launch, str(script)], env=environment, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.same("mpi4py")


class Executors(Searches):
    def test_processes_of_our_own(self):
        answer = search(self.folder / "own", workers=3)
        self.assertEqual(answer, self.expected)
        self.same("own")
        timings = json.loads((self.folder / "own" / "timings.json").read_text())
        self.assertEqual(answer.traffic["replays"], timings["replays"])
        self.assertGreater(answer.traffic["bytes_in"], 100 * answer.traffic["replays"])

    def test_threads_of_an_executor(self):
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            self.assertEqual(search(self.folder / "futures", executor=executor), self.expected)
        self.same("futures")

    def test_a_pool_with_apply_async(self):
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            self.assertEqual(search(self.folder / "pool", executor=pool), self.expected)
        self.same("pool")

    def test_a_declared_width(self):
        wide = {"width": 90, "replays": 300}
        one = search(self.folder / "wide-one", threads=1, **wide)
        two = search(self.folder / "wide-two", workers=2, **wide)
        self.assertEqual(one, two)
        search(self.folder / "narrow", threads=1, replays=300)
        trials = [(self.folder / name / "trials.csv").read_text() for name in ("wide-one", "wide-two", "narrow")]
        self.assertEqual(trials[0], trials[1])
        self.assertNotEqual(trials[0], trials[2])
        self.assertEqual(json.loads((self.folder / "wide-two" / "config.json").read_text())["width"], 90)
        with self.assertRaisesRegex(sy.InputError, "--width: the study was started with 90, not 80"):
            search(self.folder / "wide-one", resume=True, **{**wide, "width": 80})

    def test_what_is_no_executor(self):
        with self.assertRaisesRegex(ValueError, "give workers="):
            search(self.folder / "none", executor=object())
        with self.assertRaisesRegex(sy.InputError, "workers: 0 is not allowed"):
            search(self.folder / "none", workers=0)


class Strangers(Searches):
    """Workers of another version, or with other data, are refused by name."""

    def refused(self, change, message):
        class Altered(concurrent.futures.ThreadPoolExecutor):
            def submit(self, function, texts, batch):
                return super().submit(function, tuple(map(change, texts)), batch)

        with Altered(1) as executor, self.assertRaisesRegex(sy.InputError, message):
            sy.search("azure-conv", ["memory_headroom"], executor=executor, threads=1, **{**FLAGS, "replicas": 3})

    def test_another_version(self):
        def change(text):
            content = json.loads(text)
            described = json.loads(content["experiment"])
            content["experiment"] = json.dumps({**described, "version": "9.9.9", "key": "of another version"})
            return json.dumps(content)

        self.refused(change, "this worker is version .*, the driver 9.9.9")

    def test_other_data(self):
        def change(text):
            content = json.loads(text)
            described = json.loads(content["experiment"])
            described["scenario"]["cluster"]["replicas"] = 5
            content["experiment"] = json.dumps(described)
            return json.dumps(content)

        self.refused(change, "differ from the driver's")

    def test_a_trace_that_was_changed_between(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace.csv"
            rows = [f"{i * 0.2},{100 + i % 7},{20 + i % 5}" for i in range(200)]
            head = "arrived_at,num_prefill_tokens,num_decode_tokens\n"
            trace.write_text(head + "\n".join(rows) + "\n")
            pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

            class Changes:  # the worker's machine has another file under the same path
                _max_workers = 1

                def submit(self, function, texts, batch):
                    trace.write_text(head + "\n".join(rows[:-1]) + "\n")
                    return pool.submit(function, texts, batch)

            with pool, self.assertRaisesRegex(sy.InputError, "differ from the driver's.*workload|trace"):
                sy.search(sy.scenario(workload=trace), ["memory_headroom"], executor=Changes(), replays=20,
                          train_seeds="1-2", validation_seeds="51-52", held_out_seeds="101-102")


class Stopped(Searches):
    """Ctrl-C ends a search within a second, whoever replays; what it has written down goes on."""

    def stopped(self, name, how):
        script = self.folder / f"{name}.py"
        script.write_text("import concurrent.futures, switchyard as sy\n"
                          "if __name__ == '__main__':\n"
                          f"    sy.search('azure-conv', ['memory_headroom'], out=r'{self.folder / name}', {how}, "
                          f"**{FLAGS | {'replays': 100000}})\n")
        process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        for _ in range(600):
            time.sleep(0.05)
            if any(path.stat().st_size > 10_000 for path in (self.folder / name).glob("study.db*")):
                break
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        begun = time.monotonic()
        _, err = process.communicate(timeout=30)
        self.assertLess(time.monotonic() - begun, 5)  # within a second on a machine that does nothing else
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertIn("KeyboardInterrupt", err)
        with self.assertRaisesRegex(sy.InputError, "a budget can grow, not shrink"):  # the study is there, and whole
            search(self.folder / name, resume=True, threads=1)

    def test_with_threads(self):
        self.stopped("threads_stopped", "threads=1")

    def test_with_processes_of_our_own(self):
        self.stopped("processes_stopped", "workers=2")

    def test_a_long_list_of_replays(self):
        """All of one list: the search looks for Ctrl-C between two replays, not between two lists."""
        script = self.folder / "long.py"
        script.write_text("import switchyard as sy\n"
                          "sy.suite('all', scenarios='azure-conv,azure-conv-x3', seeds='101-600', threads=1)\n")
        process = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, err = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - begun, 5)
        self.assertIn("KeyboardInterrupt", err)


if __name__ == "__main__":
    unittest.main()
