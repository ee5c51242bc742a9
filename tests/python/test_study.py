"""Studies whose replays the caller runs, and what every policy must keep to."""

import filecmp
import gc
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import switchyard as sy

FLAGS = {"replays": 60}
SCENARIO = {"train_seeds": "1-3", "validation_seeds": "51-52", "held_out_seeds": "101-103", "duration": 60}


class Llq(sy.Policy):
    def schedule(self, cluster):
        while cluster.queue_length():
            cluster.assign(cluster.first_queued(), cluster.least_outstanding())


class Studies(unittest.TestCase):
    def setUp(self):
        self.scenario = sy.scenario("azure-conv", **SCENARIO)
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)

    def replay(self, job):
        return sy.run(self.scenario, job.policy, job.seed)

    def test_it_is_the_search_whatever_the_order_of_the_answers(self):
        expected = sy.search(self.scenario, ["memory_headroom"], threads=1, out=self.folder / "search", **FLAGS)
        with sy.Study(self.scenario, ["memory_headroom"], threads=1, out=self.folder / "study", **FLAGS) as study:
            turn = 0
            while not study.done:
                jobs = study.ask(5)
                for job in reversed(jobs):
                    turn += 1
                    result = self.replay(job)
                    study.tell(job, result if turn % 2 else result.summary)
            self.assertEqual(study.leaderboard, expected)
        files = sorted(path.name for path in (self.folder / "search").iterdir())
        _, different, errors = filecmp.cmpfiles(self.folder / "search", self.folder / "study", files, shallow=False)
        self.assertEqual((different, errors), (["timings.json"], []))

    def test_goodput_counts_by_the_limits_of_the_study(self):
        goal = {"objective": "goodput(ttft_s<=0.1)"}
        expected = sy.search(self.scenario, ["memory_headroom"], threads=1, **goal, **FLAGS)
        with sy.Study(self.scenario, ["memory_headroom"], **goal, **FLAGS) as study:
            while not study.done:
                for job in study.ask():
                    study.tell(job, self.replay(job))
            self.assertEqual(study.leaderboard, expected)

    def test_one_that_was_closed_goes_on(self):
        expected = sy.search(self.scenario, ["memory_headroom"], threads=1, **FLAGS)
        told = 0
        with sy.Study(self.scenario, ["memory_headroom"], out=self.folder / "study", **FLAGS) as study:
            for _ in range(3):
                for job in study.ask():
                    study.tell(job, self.replay(job))
                    told += 1
                self.assertFalse(study.done)
        self.assertGreater(told, 10)
        answer = sy.search(self.scenario, ["memory_headroom"], out=self.folder / "study", resume=True, **FLAGS)
        self.assertEqual(answer, expected)

    def test_what_is_under_way_is_not_asked_for_again(self):
        with sy.Study(self.scenario, ["memory_headroom"], **FLAGS) as study:
            first, rest = study.ask(2), study.ask()
            self.assertEqual(len({job.number for job in first + rest}), len(first) + len(rest))
            self.assertEqual(study.ask(), [])
            self.assertFalse(study.done)
            with self.assertRaisesRegex(RuntimeError, "not done"):
                study.leaderboard
            study.tell(first[0], self.replay(first[0]))
            with self.assertRaisesRegex(ValueError, "told before"):
                study.tell(first[0], self.replay(first[0]))
            with self.assertRaisesRegex(sy.InputError, "the job is"):
                study.tell(first[1], sy.run(self.scenario, "llq", first[1].seed + 1))

    def test_a_setting_that_fails_is_ranked_last(self):
        with sy.Study(self.scenario, ["memory_headroom"], **FLAGS) as study:
            while not study.done:
                for job in study.ask():
                    study.tell(job, RuntimeError("out of order") if job.policy.startswith("lor") else self.replay(job))
            last = study.leaderboard["rows"][-1]
        self.assertEqual((last["policy"], last["failure"]), ("lor", "out of order"))

    def test_one_that_another_thread_closes(self):
        for _ in range(20):
            study = sy.Study(self.scenario, ["memory_headroom"], **FLAGS)
            begun, outcome = threading.Event(), []

            def use(study=study, begun=begun, outcome=outcome):
                try:
                    while True:
                        for job in study.ask():
                            study.tell(job, RuntimeError("not tried"))
                            begun.set()
                except ValueError as error:
                    outcome.append(str(error))

            user = threading.Thread(target=use)
            user.start()
            begun.wait(60)
            study.close()
            user.join(60)
            self.assertFalse(user.is_alive())
            self.assertIn("closed", outcome[0])

    def test_one_that_is_open_when_the_program_ends(self):
        for ends in ("", "study.ask()", "study.tell(study.ask()[0], RuntimeError('not tried'))",
                     "for job in study.ask(): study.tell(job, RuntimeError('not tried'))"):
            done = subprocess.run([sys.executable, "-c", "import switchyard as sy\n"
                                   f"study = sy.Study('azure-conv', ['memory_headroom'], **{FLAGS | SCENARIO})\n"
                                   f"{ends}\n"], capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, f"{ends}: {done.stderr}")

    def test_faults_are_told_where_they_are_asked_for(self):
        with self.assertRaisesRegex(sy.InputError, "did you mean 'memory_headroom'"):
            sy.Study(self.scenario, ["memory_headrom"], **FLAGS).ask()
        with self.assertRaisesRegex(sy.InputError, "did you mean"):
            sy.Study(self.scenario, ["memory_headroom"], replay=60).ask()
        study = sy.Study(self.scenario, ["memory_headroom"], **FLAGS)
        study.close()
        with self.assertRaisesRegex(ValueError, "closed"):
            study.ask()

    def test_one_that_is_forgotten_ends(self):
        for _ in range(3):
            sy.Study(self.scenario, ["memory_headroom"], **FLAGS).ask(1)
        gc.collect()
        self.assertLess(len(os.listdir("/proc/self/task")), 40)


class Answers(unittest.TestCase):
    def test_a_search_has_a_report_and_its_files(self):
        scenario = sy.scenario("azure-conv", **SCENARIO)
        answer = sy.search(scenario, ["memory_headroom"], replays=20, threads=1)
        folder = answer.folder
        self.assertIn("memory_headroom", answer.report())
        self.assertTrue((folder / "trials.csv").is_file())
        del answer
        gc.collect()
        self.assertFalse(folder.exists())

    def test_a_suite_has_a_report(self):
        answer = sy.suite(["llq", "lor"], scenarios="azure-conv,chat-pressure", seeds="101-103", threads=1)
        self.assertEqual([one["name"] for one in answer["scenarios"]], ["azure-conv", "chat-pressure"])
        with tempfile.TemporaryDirectory() as folder:
            text = answer.report(Path(folder) / "report.html")
            self.assertEqual((Path(folder) / "report.html").read_text(), text)
        self.assertIn("chat-pressure", text)

    def test_a_plan_says_what_is_shown(self):
        scenario = sy.scenario("azure-conv", duration=60, held_out_seeds="101-104")
        answer = sy.plan(scenario, "llq", constraint="mean_e2e_s<=2.4", counts="1-8", gpu_price=2, threads=1)
        row = answer["rows"][0]
        shown = next(point for point in row["points"] if point["counts"] == row["shown"])
        self.assertEqual(shown["limits"], "kept")
        self.assertAlmostEqual(shown["price"], 2 * shown["gpu_hours"])

    def test_a_replay_has_a_report_and_writes_what_run_writes(self):
        scenario = sy.scenario("azure-conv", duration=60)
        with tempfile.TemporaryDirectory() as folder:
            sy.run(scenario, "llq", seed=42).write(Path(folder) / "ours")
            sy._core.command("run", [*scenario._words, "--policy", "llq", "--seed", "42", "--out", f"{folder}/run"])
            names = sorted(path.name for path in (Path(folder) / "run").iterdir())
            self.assertEqual(filecmp.cmpfiles(f"{folder}/run", f"{folder}/ours", names, shallow=False),
                             (names, [], []))
            with self.assertRaisesRegex(sy.InputError, "force=True"):
                sy.run(scenario, "llq", seed=42).write(Path(folder) / "ours")
        self.assertIn("Llq", sy.run(scenario, Llq()).report())

    def test_a_policy_whose_replays_differ_has_no_report(self):
        class Remembers(sy.Policy):
            turn = 0

            def schedule(self, cluster):
                while cluster.queue_length():
                    self.turn += 1
                    cluster.assign(cluster.first_queued(), self.turn % 3)

        with self.assertRaisesRegex(sy.InputError, "start\\(\\) must make it forget"):
            sy.run("azure-conv", Remembers()).report()


class Checks(unittest.TestCase):
    def test_what_keeps_to_all_of_it(self):
        self.assertEqual(sy.check_policy("hra", 6), [])
        self.assertEqual(sy.check_policy(Llq, 6), [])
        self.assertEqual(sy.check_policy(Llq(), 6), [])
        routers = Path(os.environ["SWITCHYARD_SOURCE"]) / "tests" / "python" / "routers"
        self.assertEqual(sy.check_policy(sy.vidur.load(routers / "hra.py"), 6), [])

    def test_what_does_not(self):
        class Remembers(Llq):
            def __init__(self):
                self.turn = 0

            def schedule(self, cluster):
                while cluster.queue_length():
                    self.turn += 1
                    cluster.assign(cluster.first_queued(), self.turn % cluster.num_replicas)

        class Raises(Llq):
            def schedule(self, cluster):
                return 1 / 0

        class Holds(Llq):
            def schedule(self, cluster):
                pass

        (fault,) = sy.check_policy(Remembers, 6)
        self.assertRegex(fault, "^Remembers: start: round 0 .* it remembers an earlier run")
        (fault,) = sy.check_policy(Raises, 6)
        self.assertRegex(fault, "^Raises: end: round 0 .*ZeroDivisionError: division by zero .*test_study.py.*schedule")
        self.assertEqual(fault.count("\n"), 0)
        (fault,) = sy.check_policy(Holds, 6)
        self.assertIn("never assigns", fault)
        with self.assertRaisesRegex(sy.InputError, "did you mean 'llq'"):
            sy.check_policy("lqq")
        with self.assertRaisesRegex(sy.InputError, "rounds: 0"):
            sy.check_policy("llq", 0)


if __name__ == "__main__":
    unittest.main()
