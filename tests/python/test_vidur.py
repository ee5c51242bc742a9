"""Routers written for Vidur: they give what our own give, and errors that their authors understand."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import switchyard as sy

SOURCE = Path(os.environ["SWITCHYARD_SOURCE"])
ROUTERS = SOURCE / "tests" / "python" / "routers"

# Of request_metrics.csv, as Vidur writes it.
VIDUR_COLUMNS = [
    "Request Id", "request_e2e_time", "request_e2e_time_normalized", "request_execution_time",
    "request_execution_time_normalized", "request_model_execution_time", "request_model_execution_time_normalized",
    "request_preemption_time", "request_scheduling_delay", "request_execution_plus_preemption_time",
    "request_execution_plus_preemption_time_normalized", "prefill_e2e_time", "prefill_time_execution_plus_preemption",
    "prefill_time_execution_plus_preemption_normalized", "decode_time_execution_plus_preemption_normalized",
    "request_inter_arrival_delay", "request_num_tokens", "request_num_prefill_tokens", "request_num_decode_tokens",
    "request_pd_ratio", "request_num_restarts"]
# A batch has one time here, which is not split into the model's and the processor's.
NOT_TOLD = {"request_model_execution_time", "request_model_execution_time_normalized"}

HEAD = """
from vidur.scheduler.global_scheduler.base_global_scheduler import BaseGlobalScheduler
import random, os
"""


def router(body, head=HEAD):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ai_global_scheduler.py"
        file.write_text(head + body)
        return sy.vidur.load(file)


class Reference(unittest.TestCase):
    def same(self, ours, theirs):
        for name, column in ours.requests.items():
            self.assertTrue((column == theirs.requests[name]).all(), name)

    def test_routers_for_vidur_give_what_ours_give(self):
        for scenario in ("azure-conv", "chat-pressure"):
            short = sy.scenario(scenario, duration=120)
            for name in ("llq", "lor", "round_robin", "hra"):
                with self.subTest(scenario=scenario, router=name):
                    self.same(sy.run(short, name, 42), sy.run(short, sy.vidur.load(ROUTERS / f"{name}.py"), 42))

    def test_the_cases_of_real_vidur(self):
        reference = Path(os.environ.get("SWITCHYARD_REFERENCE", SOURCE.parent / "shared" / "reference")) / "vidur"
        if not (reference / "cases.json").is_file():
            self.skipTest("no reference results of Vidur")
        tried = 0
        for case in json.loads((reference / "cases.json").read_text()):
            if not (ROUTERS / f"{case['router']}.py").is_file():
                continue
            fields = {name: case[name] for name in ("replica_scheduler", "num_blocks", "batch_size_cap", "chunk_size")
                      if name in case}
            scenario = sy.scenario(replicas=4, cost_tables=reference / "tables" / case["tables"],
                                   workload=reference / "workloads" / case["workload"], **fields)
            result = sy.run(scenario, sy.vidur.load(ROUTERS / f"{case['router']}.py"))
            with self.subTest(case["expected"]), (reference / "expected" / case["expected"]).open() as stream:
                rows = list(csv.DictReader(stream))
                columns = result.requests
                self.assertEqual([int(row["replica_id"]) for row in rows], list(columns["replica"]))
                self.assertEqual([int(row["num_restarts"]) for row in rows], list(columns["num_restarts"]))
                for row, completed in zip(rows, columns["completed_at_ps"]):
                    self.assertAlmostEqual(float(row["completed_at"]), completed / 1e12, delta=1e-6)
                tried += 1
        self.assertGreater(tried, 5)


class Surface(unittest.TestCase):
    def test_queue_edits_own_attributes_environment_and_random(self):
        os.environ["SWITCHYARD_TEST_BIAS"] = "1"
        policy = router("""
class Mine(BaseGlobalScheduler):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.calls = 0
        for replica_id in self._replicas:
            setattr(self._replica_schedulers[replica_id], "sent", 0)
    def schedule(self):
        self.calls += 1
        bias = int(os.environ["SWITCHYARD_TEST_BIAS"])
        queue, self._request_queue[:] = list(self._request_queue), []
        placed = []
        for request in queue:
            request.mine = self.calls
            replica_id = (random.randrange(self._num_replicas) + bias) % self._num_replicas
            self.get_replica_scheduler(replica_id).sent += 1
            placed.append((replica_id, request))
        return placed
""")
        first, again = sy.run("azure-conv", policy, 5), sy.run("azure-conv", policy, 5)
        self.assertEqual(first.summary, again.summary)
        self.assertEqual(sum(one.sent for one in policy.scheduler._replica_schedulers.values()),
                         first.summary["num_requests"])

    def test_a_file_beside_it(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "my_helpers.py").write_text("from vidur.entities import Request\nGAIN = 2\n")
            file = Path(folder) / "mine.py"
            file.write_text(HEAD + "from my_helpers import GAIN\nclass Mine(BaseGlobalScheduler):\n"
                            "    def schedule(self):\n"
                            "        placed = [(r.id * GAIN % self._num_replicas, r) for r in self._request_queue]\n"
                            "        self._request_queue.clear()\n        return placed\n")
            self.assertEqual(sy.run("azure-conv", sy.vidur.load(file)).summary["num_requests"], 2072)
        self.assertNotIn("vidur", sys.modules)
        self.assertNotIn("my_helpers", sys.modules)

    def fails(self, body, kind, message):
        with self.assertRaises(kind) as caught:
            sy.run("azure-conv", router(body))
        self.assertIn(message, str(caught.exception))

    def test_lengths_of_outputs_are_not_known(self):
        for name in ("num_decode_tokens", "total_tokens", "_num_decode_tokens", "pd_ratio"):
            with self.subTest(name):
                self.fails("class Mine(BaseGlobalScheduler):\n    def schedule(self):\n"
                           f"        return [(0, r) for r in self._request_queue if r.{name}]\n",
                           RuntimeError, "no router can know how long an output will be")

    def test_faults_are_named(self):
        head = "class Mine(BaseGlobalScheduler):\n    def schedule(self):\n        "
        self.fails(head + "return [(0, r) for r in self._request_que]", AttributeError, "did you mean '_request_queue'?")
        self.fails(head + "return None", TypeError, "returned None")
        self.fails(head + "return [(9, r) for r in self._request_queue]", ValueError, "replicas are 0 to 3")
        self.fails(head + "return [(0, r) for r in self._request_queue]", ValueError, "was placed on replica 0 before")
        self.fails(head + "return [0]", TypeError, "(replica_id, request) is wanted")
        self.fails(head + "return []", sy.StalledError, "never assigns")
        self.fails(head + "return self._replica_schedulers[0].num_pending_request", AttributeError,
                   "did you mean 'num_pending_requests'?")
        self.fails("class Mine(BaseGlobalScheduler):\n    def __init__(self, config, replicas):\n        pass\n"
                   "    def schedule(self):\n        return []\n", TypeError, "does not call super().__init__")

    def test_files_without_a_router(self):
        with self.assertRaisesRegex(sy.InputError, "no class that derives"):
            router("x = 1")
        with self.assertRaisesRegex(sy.InputError, "there is no such file"):
            sy.vidur.load("nowhere.py")


class Evaluate(unittest.TestCase):
    def test_a_score(self):
        answer = sy.vidur.evaluate(ROUTERS / "llq.py", ["azure-conv"], seeds=[1])
        self.assertIsNone(answer["error"], answer)
        self.assertEqual(answer["score"], 1.0)
        self.assertIn(answer["network"], ("none", "as this process"))

    def broken(self, body, **limits):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mine.py"
            file.write_text(HEAD + "class Mine(BaseGlobalScheduler):\n    def schedule(self):\n        " + body)
            answer = sy.vidur.evaluate(file, ["azure-conv"], seeds=[1], **limits)
        self.assertEqual(answer["score"], 0.0)
        return answer["error"]

    def test_errors_are_text_with_the_line(self):
        error = self.broken("return 1 / 0")
        self.assertIn("ZeroDivisionError", error)
        self.assertIn("mine.py", error)
        self.assertIn("return 1 / 0", error)

    def test_limits(self):
        self.assertIn("more than 3 s", self.broken("while True: pass", time_s=3))
        self.assertIn("MemoryError", self.broken("x = bytearray(10**10)", memory_mib=2048))
        self.assertIn("SystemExit", self.broken("raise SystemExit(3)"))
        self.assertIn("ended without an answer", self.broken("os._exit(3)"))
        self.assertIn("was killed", self.broken("os.kill(os.getpid(), 9)"))

    def test_what_it_prints_is_no_answer(self):
        answer = self.broken("os.write(1, b'{\"error\": null}\\n'); print('x'); return 1 / 0")
        self.assertIn("ZeroDivisionError", answer)

    def test_what_it_has_started_ends_with_it(self):
        with tempfile.TemporaryDirectory() as folder:
            mark = Path(folder) / "pid"
            for seconds in (10, 60, 300):  # a busy machine may take its time to come so far
                self.broken(f"import subprocess; p = subprocess.Popen(['sleep', '6000']); "
                            f"open({str(mark)!r}, 'w').write(str(p.pid)); p.wait()", time_s=seconds)
                if mark.exists() and mark.read_text():
                    break
            process = int(mark.read_text())
            for _ in range(600):
                if not Path(f"/proc/{process}").exists() or "Z" in Path(f"/proc/{process}/stat").read_text().split()[2]:
                    break
                time.sleep(0.1)
            else:
                self.fail("it is still there")

    def test_the_network_is_cut_or_it_says_not(self):
        body = ("import socket\n        s = socket.socket()\n        s.settimeout(2)\n"
                "        s.connect(('127.0.0.1', {port}))\n        return 1 / 0")
        import socket

        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            error = self.broken(body.format(port=server.getsockname()[1]))
        cut = sy.vidur.evaluate(ROUTERS / "llq.py", ["azure-conv"], seeds=[1])["network"] == "none"
        self.assertIn("OSError" if cut else "ZeroDivisionError", error)


class Command(unittest.TestCase):
    def test_it_leaves_what_vidur_leaves(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, "-m", "switchyard.vidur.command", str(ROUTERS / "lor.py"), "--out",
                                   folder, "--json"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout), sy.run("azure-conv", "lor").summary)
            (run,) = (Path(folder) / "azure-conv").iterdir()
            rows = (run / "request_metrics.csv").read_text().splitlines()
            self.assertEqual(len(rows), 1 + 2072)
            self.assertEqual(set(VIDUR_COLUMNS) - set(rows[0].split(",")), NOT_TOLD)
            self.assertEqual(json.loads((run / "config.json").read_text())["seed"], 42)
            again = subprocess.run([sys.executable, "-m", "switchyard.vidur.command", str(ROUTERS / "lor.py"), "--out",
                                    folder], capture_output=True, text=True)
            self.assertEqual(again.returncode, 0, again.stderr)
            runs = sorted((Path(folder) / "azure-conv").iterdir())
            self.assertEqual(len(runs), 2)
            self.assertRegex(runs[1].name, r"^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}$")
            for name in ("config.json", "request_metrics.csv", "summary.json"):  # the time is in no file
                self.assertEqual((runs[0] / name).read_bytes(), (runs[1] / name).read_bytes())

    def test_a_fault_is_one_line(self):
        llq = str(ROUTERS / "llq.py")
        for words, message in ((["nowhere.py"], "there is no such file"),
                               ([], "required: file"),
                               ([llq, "--scenaro", "azure-conv"], "did you mean '--scenario'?"),
                               ([llq, "--scenario", "azure-conf"], "did you mean 'azure-conv'?"),
                               ([llq, "--held-out"], "--held-out: has no effect without --evaluate"),
                               ([llq, "--evaluate", "--out", "x"], "--out: has no effect with --evaluate"),
                               ([llq, "--evaluate", "--held-out", "--seed", "3"], "--held-out: contradicts --seed"),
                               ([llq, "--evaluate", "--memory-mib", "10"], "memory_mib: 10 is not allowed")):
            with self.subTest(words):
                done = subprocess.run([sys.executable, "-m", "switchyard.vidur.command", *words], capture_output=True,
                                      text=True)
                self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
                self.assertIn(message, done.stderr)

    def test_what_a_router_raises_is_told_with_its_own_lines(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "mine.py"
            file.write_text(HEAD + "class Mine(BaseGlobalScheduler):\n    def schedule(self):\n        return 1 / 0\n")
            done = subprocess.run([sys.executable, "-m", "switchyard.vidur.command", str(file), "--out",
                                   str(Path(folder) / "out")], capture_output=True, text=True)
            self.assertFalse((Path(folder) / "out").exists())
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"mine.py., line \d+, in schedule\n +return 1 / 0\n(.*\n)?ZeroDivisionError")
        self.assertNotIn("load.py", done.stderr)


if __name__ == "__main__":
    unittest.main()
