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
from unittest import mock

import switchyard as sy
from switchyard import _core, executors

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


def answer_or_die(texts, batch):
    """What workers run in place of `executors._answer`: the first that comes to its fifth batch is killed over it."""
    here, mark = executors._here, os.environ["SWITCHYARD_TEST_DEATH"]
    here.batches = getattr(here, "batches", 0) + 1
    if here.batches == 5:
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return executors._answer(texts, batch)


def end_at_once(_texts, _batch):
    os._exit(1)


class Killed(Searches):
    """One of three workers is killed in mid-study, over a batch: nothing here depends on how fast anything is."""

    MORE = {"replays": 900}

    def deaths(self, name):
        """Workers that are started from now on die as `answer_or_die` says. Returns the file that tells of it."""
        mark = self.folder / f"death-of-{name}"
        self.enterContext(mock.patch.dict(os.environ, SWITCHYARD_TEST_DEATH=str(mark)))
        return mark

    def search_with_a_death(self, name, mark, executor):
        with mock.patch.object(executors, "_answer", answer_or_die):
            answer = search(self.folder / name, executor=executor, **self.MORE)
        self.assertTrue(mark.exists(), "nobody was killed: the search is too short for this test")
        self.assertEqual(answer, self.expected)
        self.same(name)
        return answer

    def test_of_our_own_processes(self):
        send, killed = executors.ProcessPool.send, []

        def send_and_kill(pool, worker, batch):
            """The tenth batch goes to a process that has stopped, and is then killed."""
            killed.append(0)
            process = pool._process(worker)
            if len(killed) == 10:
                process.send_signal(signal.SIGSTOP)
            send(pool, worker, batch)
            if len(killed) == 10:
                process.kill()

        with mock.patch.object(executors.ProcessPool, "send", send_and_kill):
            answer = search(self.folder / "own", workers=3, **self.MORE)
        self.assertEqual(answer, self.expected)
        self.same("own")
        self.assertEqual(answer.traffic["lost_batches"], 1)

    def test_of_a_pool_of_multiprocessing(self):
        mark = self.deaths("pool")
        with multiprocessing.get_context("spawn").Pool(3) as pool:
            answer = self.search_with_a_death("pool", mark, pool)
        self.assertGreaterEqual(answer.traffic["lost_batches"], 1)

    def test_of_an_executor_that_does_not_survive_it(self):
        mark = self.deaths("futures")
        with concurrent.futures.ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as executor:
            with self.assertRaises(concurrent.futures.process.BrokenProcessPool):
                self.search_with_a_death("futures", mark, executor)
        self.assertTrue(mark.exists())
        self.assertEqual(search(self.folder / "futures", resume=True, **self.MORE), self.expected)
        self.same("futures")

    def test_of_dask(self):
        try:
            from dask.distributed import Client
        except ImportError:
            self.skipTest("Dask is not installed")
        mark = self.deaths("dask")
        try:
            cluster = Client(n_workers=3, threads_per_worker=2, processes=True, dashboard_address=None)
        except (OSError, RuntimeError) as error:
            self.skipTest(f"Dask starts no workers here: {error}")
        with cluster as client:
            self.search_with_a_death("dask", mark, client)

    def test_of_ray(self):
        try:
            import ray
            from ray.util.multiprocessing import Pool
        except ImportError:
            self.skipTest("Ray is not installed")
        mark = self.deaths("ray")
        try:
            ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except Exception as error:  # noqa: BLE001 (whatever keeps it from starting here)
            self.skipTest(f"Ray does not start here: {error}")
        try:
            with Pool(3) as pool:
                answer = self.search_with_a_death("ray", mark, pool)
            self.assertGreaterEqual(answer.traffic["lost_batches"], 1)
        finally:
            ray.shutdown()


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
        for folder, threads in (("two", 2), ("eight", 8), ("again", 8)):  # all begin with the same experiment at once
            with concurrent.futures.ThreadPoolExecutor(threads) as executor:
                self.assertEqual(search(self.folder / folder, executor=executor), self.expected)
            self.same(folder)

    def test_a_replayer_that_threads_share(self):
        sent = []

        class Noted(concurrent.futures.ThreadPoolExecutor):
            def submit(self, function, texts, batch):
                sent.append((texts[0], batch))
                return super().submit(function, texts, batch)

        with Noted(1) as executor:
            search(self.folder / "noted", executor=executor)
        experiment, batch = sent[0]
        for _ in range(10):
            replayer = _core._Replayer(1)
            begin = threading.Barrier(4)

            def answer(replayer=replayer, begin=begin):
                begin.wait()
                replayer.answer(experiment)
                return replayer.answer(batch)

            with concurrent.futures.ThreadPoolExecutor(4) as threads:
                answers = [one.result() for one in [threads.submit(answer) for _ in range(4)]]
            self.assertIn("results", answers[0][:12])
            self.assertEqual(len(set(answers)), 1)

    def test_processes_that_were_forked_after_threads_had_replayed(self):
        search(self.folder / "before", threads=2)
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            search(self.folder / "before too", executor=executor)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            self.assertEqual(search(self.folder / "forked", executor=pool), self.expected)
        self.same("forked")

    def test_processes_that_never_come_to_replay(self):
        with mock.patch.object(executors, "_answer", end_at_once):
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                with self.assertRaisesRegex(RuntimeError, "end before they have answered anything"):
                    search(self.folder / "never", executor=pool)

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

    def interrupted(self, name, text, begun, group=False):
        """Runs a script, and stops it as soon as `begun` says so. Returns what it has said on stderr."""
        script = self.folder / f"{name}.py"
        script.write_text(text)
        said = self.folder / f"{name}.err"
        with said.open("w") as stderr:
            process = subprocess.Popen([sys.executable, str(script)], stderr=stderr, start_new_session=True)
        try:
            while not begun():
                self.assertIsNone(process.poll(), f"it has ended by itself: {said.read_text()}")
                time.sleep(0.02)
            begin = time.monotonic()
            (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
            process.wait(timeout=60)
            seconds = time.monotonic() - begin
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.assertEqual(process.returncode, -signal.SIGINT, said.read_text())
        self.assertIn("KeyboardInterrupt", said.read_text())
        self.assertLess(seconds, 10)  # within a second, where nothing else wants the processors
        if os.environ.get("SWITCHYARD_SHOW_TIMES"):
            print(f"{name}: {seconds:.2f} s from Ctrl-C to the end")

    def stopped(self, name, how):
        self.interrupted(name, "import switchyard as sy\n"
                         "if __name__ == '__main__':\n"
                         f"    sy.search('azure-conv', ['memory_headroom'], out=r'{self.folder / name}', {how}, "
                         f"**{FLAGS | {'replays': 100000}})\n",
                         lambda: any(path.stat().st_size > 10_000 for path in (self.folder / name).glob("study.db*")),
                         group=True)  # as a terminal does: to all of them
        with self.assertRaisesRegex(sy.InputError, "a budget can grow, not shrink"):  # the study is there, and whole
            search(self.folder / name, resume=True, threads=1)

    def test_with_threads(self):
        self.stopped("threads_stopped", "threads=1")

    def test_with_processes_of_our_own(self):
        self.stopped("processes_stopped", "workers=2")

    def test_one_long_replay(self):
        """The kernel itself looks for Ctrl-C: a million requests on 2,000 replicas, each scored, take a minute or more."""
        mark = self.folder / "one.begun"
        self.interrupted("one", "import pathlib, numpy, switchyard as sy\n"
                         "tokens = numpy.full(1000000, 50)\n"
                         "workload = sy.Workload.from_columns(numpy.arange(1000000) / 2000, tokens, tokens)\n"
                         "scenario = sy.scenario('azure-conv', replicas=2000)\n"
                         "sy.run(scenario, 'llq', 1, sy.Workload.from_columns([0.0], [10], [10]))\n"
                         f"pathlib.Path(r'{mark}').touch()\n"
                         "sy.run(scenario, 'interference_aware', 1, workload)\n", mark.exists)

    def test_threads_that_replay_when_the_program_ends(self):
        text = ("import threading, time, switchyard as sy\n"
                "scenario = sy.scenario('azure-conv')\n"
                "def replay():\n"
                "    while True: {how}\n"
                "for _ in range(3): threading.Thread(target=replay, daemon=True).start()\n"
                "time.sleep({seconds})\n")
        search = "sy.search('azure-conv', ['memory_headroom'], threads=2, replays=5000)"
        pool = "sy.search('azure-conv', ['memory_headroom'], workers=2, replays=5000)"
        for how in ("sy.run(scenario, 'llq', 1)", search, pool):
            for seconds in (0.0, 0.3, 1.0):
                done = subprocess.run([sys.executable, "-c", text.format(how=how, seconds=seconds)],
                                      capture_output=True, text=True, timeout=300)
                self.assertEqual(done.returncode, 0, f"{how}, {seconds} s: {done.stderr}")

    def test_a_long_list_of_replays(self):
        """All of one list: the search looks for Ctrl-C between two replays, not between two lists."""
        mark = self.folder / "begun"
        self.interrupted("long", f"import pathlib, switchyard as sy\npathlib.Path(r'{mark}').touch()\n"
                         "sy.suite('all', scenarios='azure-conv,azure-conv-x3', seeds='101-400', threads=2)\n",
                         mark.exists)


if __name__ == "__main__":
    unittest.main()
