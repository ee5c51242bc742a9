"""The package: scenarios, replays, policies in Python, commands, Optuna."""

import contextlib
import gc
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np

import switchyard as sy

SOURCE = Path(os.environ["SWITCHYARD_SOURCE"])


class Llq(sy.Policy):
    def schedule(self, cluster):
        while cluster.queue_length():
            cluster.assign(cluster.first_queued(), cluster.least_outstanding())


class Replays(unittest.TestCase):
    def test_a_replay_has_the_figures_of_the_command_line(self):
        result = sy.run("azure-conv", "llq", seed=42)
        printed = json.loads(sy._core.command("run", ["--scenario", "azure-conv", "--policy", "llq", "--seed", "42",
                                                      "--json"]))
        self.assertEqual(result.summary, printed)
        self.assertEqual(result.summary["num_requests"], len(result.requests["completed_at_ps"]))

    def test_columns_are_views_that_outlive_the_result(self):
        result = sy.run("azure-conv", "llq", seed=42)
        completed = result.requests["completed_at_ps"]
        self.assertFalse(completed.flags.owndata)
        self.assertFalse(completed.flags.writeable)
        total = int(completed.sum())
        again = sy.run("azure-conv", "llq", seed=42)
        del result
        gc.collect()
        self.assertEqual(total, int(completed.sum()))
        self.assertEqual(total, int(again.requests["completed_at_ps"].sum()))

    def test_mean_of_columns_is_the_summary(self):
        result = sy.run("azure-conv", "lor", seed=7)
        columns = result.requests
        mean = (columns["completed_at_ps"] - columns["arrived_at_ps"]).mean() / 1e12
        self.assertAlmostEqual(mean, result.summary["mean_e2e_s"], places=9)

    def test_the_workload_of_a_seed(self):
        result = sy.run("azure-conv", "llq", seed=9)
        workload = sy.Workload.of(sy.scenario("azure-conv"), 9)
        np.testing.assert_array_equal(workload.arrived_at_ps, result.requests["arrived_at_ps"])

    def test_own_workload(self):
        workload = sy.Workload.from_columns([0.0, 0.5, 1.0], [100, 200, 300], [10, 20, 30])
        result = sy.run("azure-conv", "llq", workload=workload)
        self.assertEqual(result.summary["num_requests"], 3)
        np.testing.assert_array_equal(result.requests["num_decode_tokens"], [10, 20, 30])
        self.assertEqual(list(result.requests["arrived_at_ps"]), [0, 500_000_000_000, 1_000_000_000_000])

    def test_a_workload_goes_through_a_frame(self):
        workload = sy.Workload.from_columns([0.0, 1.0, 2.0], [1024, 1024, 2000], [5, 6, 7],
                                            hash_ids=[[1, 2], [1, 3], [1, 2, 7]])
        v1 = sy.scenario("azure-conv", replica_scheduler="vllm_v1", replicas=1)
        first = sy.run(v1, "llq", workload=workload).requests
        self.assertEqual(list(first["num_cached_tokens"]), [0, 512, 1024])
        for library in ("pandas", "polars"):
            try:
                frame = workload.frame(library)
            except ImportError:
                continue
            again = sy.run(v1, "llq", workload=sy.Workload.from_frame(frame)).requests
            for name, column in first.items():
                np.testing.assert_array_equal(column, again[name])

    def test_a_closed_loop_goes_through_a_frame(self):
        chats = {"generator": "chat", "num_requests": 300, "replica_scheduler": "vllm_v1"}
        for more in ({}, {"concurrency": 5}):
            scenario = sy.scenario("chat-sessions", **{**chats, **more} if more else {})
            workload = sy.Workload.of(scenario, 7)
            frame = workload.frame()
            later = frame["parent"] >= 0
            self.assertTrue(later.any())
            self.assertTrue(frame["arrived_at"][later].isna().all())
            self.assertEqual(frame.attrs.get("concurrency", 0), more.get("concurrency", 0))
            again = sy.Workload.from_frame(frame)
            for given in (again, sy.Workload.from_frame(frame.drop(columns="session"))):
                self.assertEqual(sy.run(scenario, "llq", 7, workload).summary, sy.run(scenario, "llq", 7, given).summary)
            self.assertEqual(list(again.frame()["session"]), list(frame["session"]))

    def test_faults_in_a_closed_loop_are_named(self):
        columns = ([0.0, 1.0, 2.0], [10, 20, 30], [5, 5, 5])
        for more, message in (({"parent": [-1, 1, -1]}, "row 1: parent is 1; a row before it"),
                              ({"parent": [-1, 0, -2]}, "row 2: parent is -2"),
                              ({"parent": [-1, 0]}, "arrived_at has 3 rows, parent 2"),
                              ({"parent": [-1, 0, 1], "think_s": [0, -1, 0]}, "row 1: think_s is -1"),
                              ({"parent": [-1, 0, 1], "think_s": [0, float("nan"), 0]}, "row 1: think_s is nan"),
                              ({"think_s": [0, 0, 0]}, "think_s: has no effect without parent"),
                              ({"session": [0, 0, -2]}, "row 2: session is -2"),
                              ({"concurrency": -1}, "concurrency is -1")):
            with self.subTest(message), self.assertRaisesRegex(sy.InputError, message):
                sy.Workload.from_columns(*columns, **more)

    def test_a_trace_is_taken_as_it_is(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace.csv"
            trace.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0.25,100,10\n0.5,200,20\n")
            workload = sy.Workload.from_file(trace)
            self.assertEqual((list(workload.arrived_at_ps), list(workload.num_prefill_tokens),
                              list(workload.num_decode_tokens)),
                             ([250_000_000_000, 500_000_000_000], [100, 200], [10, 20]))
            with self.assertRaisesRegex(sy.InputError, "trace2.csv"):
                sy.Workload.from_file(Path(folder) / "trace2.csv")

    def test_bad_rows_are_named(self):
        for columns, message in (
            (([0, 1], [5, 5.5], [1, 1]), "row 1: num_prefill_tokens is 5.5"),
            (([1, 0], [5, 5], [1, 1]), "row 1: arrived_at is 0"),
            (([0, 1], [5, 5], [1, 0]), "row 1: num_decode_tokens is 0"),
            (([0, float("nan")], [5, 5], [1, 1]), "row 1: arrived_at is nan"),
        ):
            with self.assertRaises(sy.InputError) as caught:
                sy.Workload.from_columns(*columns)
            self.assertIn(message, str(caught.exception))
        for more, message in (
            ({"hash_ids": [[1]]}, "arrived_at has 2 rows, hash_ids 1"),
            ({"hash_ids": [[1], [-1]]}, "row 1: hash_ids has -1"),
            ({"hash_ids": [[1], [2]], "num_hashed_tokens": [5, 600]}, "row 1: num_hashed_tokens is 600"),
            ({"hash_ids": [[1], [2]], "hash_id_tokens": 0}, "hash_id_tokens is 0"),
        ):
            with self.assertRaises(sy.InputError) as caught:
                sy.Workload.from_columns([0, 1], [500, 500], [9, 9], **more)
            self.assertIn(message, str(caught.exception))


class Scenarios(unittest.TestCase):
    def test_fields_are_keywords(self):
        scenario = sy.scenario("azure-conv", replicas=8, held_out_seeds="101-104")
        self.assertEqual(json.loads(scenario.json())["cluster"]["replicas"], 8)
        self.assertEqual(list(scenario.held_out_seeds), [101, 102, 103, 104])

    def test_errors_help(self):
        for make, message in (
            (lambda: sy.scenario("azure-conf"), "did you mean 'azure-conv'?"),
            (lambda: sy.scenario("azure-conv", replica=8), "did you mean '--replicas'?"),
            (lambda: sy.scenario("azure-conv", replicas=0), "replicas"),
            (lambda: sy.run("azure-conv", "lqq"), "did you mean 'llq'?"),
        ):
            with self.assertRaises(sy.InputError) as caught:
                make()
            self.assertIn(message, str(caught.exception))


class Policies(unittest.TestCase):
    def test_llq_in_python_is_llq(self):
        for scenario in ("azure-conv", "chat-pressure"):
            with self.subTest(scenario):
                self.assertEqual(sy.run(scenario, Llq(), seed=3).summary, sy.run(scenario, "llq", seed=3).summary)

    def test_a_class_makes_one_for_each_router(self):
        made = []

        class Counted(Llq):
            def __init__(self):
                made.append(self)

            def start(self, cluster, seed):
                self.router, self.num_routers = cluster.router, cluster.num_routers

        scenario = sy.scenario("azure-conv", routers=3, signal_interval=1)
        for policy in (Counted, lambda: Counted()):
            made.clear()
            result = sy.run(scenario, policy, seed=3)
            self.assertEqual(result.summary, sy.run(scenario, "llq", seed=3).summary)
            self.assertEqual(result.policy, "Counted")
            self.assertEqual([(one.router, one.num_routers) for one in made], [(0, 3), (1, 3), (2, 3)])
        with self.assertRaisesRegex(sy.InputError, "is one router's, and the scenario has 3; give its class"):
            sy.run(scenario, Counted())
        self.assertEqual(sy.run("azure-conv", Llq, seed=3).summary, sy.run("azure-conv", "llq", seed=3).summary)
        with self.assertRaisesRegex(TypeError, "no method schedule"):
            sy.run(scenario, lambda: object())
        with self.assertRaises(ZeroDivisionError):
            sy.run(scenario, lambda: 1 / 0)
        with tempfile.TemporaryDirectory() as folder:
            sy.run("azure-conv", Llq, seed=3).write(Path(folder) / "run")

    def test_an_exception_comes_out_as_it_is(self):
        class Faulty(sy.Policy):
            def schedule(self, cluster):
                return {}["missing"]

        names = []
        try:
            sy.run("azure-conv", Faulty())
        except KeyError as error:
            trace = error.__traceback__
        while trace:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        self.assertEqual(names[-1], "schedule")

    def test_the_cluster_is_closed_between_calls(self):
        class Keeps(Llq):
            def start(self, cluster, seed):
                self.kept = cluster

            def on_completion(self, request):
                self.kept.num_waiting(0)

        with self.assertRaisesRegex(ValueError, "only during a call"):
            sy.run("azure-conv", Keeps())

    def test_start_cannot_assign(self):
        class Early(Llq):
            def start(self, cluster, seed):
                cluster.assign(0, 0)

        with self.assertRaisesRegex(ValueError, "only in schedule"):
            sy.run("azure-conv", Early())

    def test_no_such_replica_and_no_such_request(self):
        class Wrong(sy.Policy):
            def __init__(self, request, replica):
                self.request, self.replica = request, replica

            def schedule(self, cluster):
                cluster.assign(self.request, self.replica)

        with self.assertRaisesRegex(IndexError, "no replica 4: they are 0 to 3"):
            sy.run("azure-conv", Wrong(0, 4))
        with self.assertRaises(Exception):
            sy.run("azure-conv", Wrong(5000, 0))

    def test_a_policy_that_holds_for_ever_stalls(self):
        class Holds(sy.Policy):
            def schedule(self, cluster):
                pass

        with self.assertRaisesRegex(sy.StalledError, "never assigns"):
            sy.run("azure-conv", Holds())

    def test_what_is_no_policy(self):
        with self.assertRaisesRegex(TypeError, "no method schedule"):
            sy.run("azure-conv", object())

    def test_what_a_policy_subscribes_to(self):
        calls = {"first": 0, "timer": 0, "stored": 0, "completed": 0}

        class Told(sy.Policy):
            def subscription(self):
                return sy.Subscription(first_tokens=True, kv_events=True, every=0.5, waiting_uncached=True)

            def start(self, cluster, seed):
                self.blocks = set()

            def on_first_token(self, token):
                calls["first"] += 1
                assert token.at > 0 and 0 <= token.replica < 2

            def on_timer(self, cluster):
                calls["timer"] += 1
                assert cluster.now_ps % 500_000_000_000 == 0

            def on_kv_event(self, replica, event, blocks):
                calls[event] = calls.get(event, 0) + len(blocks)
                self.blocks.update(blocks)

            def on_completion(self, request):
                calls["completed"] += 1

            def schedule(self, cluster):
                while cluster.queue_length():
                    request = cluster.first_queued()
                    names = cluster.prompt_blocks(request, 16)
                    holders = cluster.prefix_holders(request)
                    for replica, tokens in holders.items():
                        assert cluster.cached_tokens(request, replica) == tokens > 0
                        assert names[0] in self.blocks
                        calls["holders"] = calls.get("holders", 0) + 1
                    assert cluster.state(0).taken_at == cluster.now
                    assert cluster.state(0).waiting_uncached_tokens >= 0
                    cluster.assign(request, max(holders, key=holders.get) if holders else cluster.least_outstanding())

        workload = sy.Workload.from_columns([i * 0.3 for i in range(40)], [1024] * 40, [20] * 40,
                                            hash_ids=[[i % 3, 7] for i in range(40)])
        v1 = sy.scenario("azure-conv", replica_scheduler="vllm_v1", replicas=2)
        result = sy.run(v1, Told(), workload=workload)
        
        self.assertEqual((result.summary["num_requests"], calls["first"], calls["completed"]), (40, 40, 40))
        for name in ("timer", "stored", "holders"):
            self.assertGreater(calls[name], 10)

        class Bad(sy.Policy):
            def subscription(self):
                return 3

            def schedule(self, cluster):
                pass

        with self.assertRaisesRegex(TypeError, "must return a Subscription"):
            sy.run(v1, Bad(), workload=workload)
        with self.assertRaisesRegex(sy.InputError, "every is 1e-09"):
            sy.Subscription(every=1e-9)

    def test_output_lengths_are_nowhere(self):
        seen = set()

        class Looks(Llq):
            def on_arrival(self, request):
                seen.update(name for name in dir(request) if not name.startswith("_"))

        sy.run("azure-conv", Looks())
        self.assertEqual(seen & {"num_decode_tokens", "total_tokens", "output"}, set())
        self.assertIn("num_prefill_tokens", seen)


class Commands(unittest.TestCase):
    def test_compare(self):
        answer = sy.compare("llq", "lor", "azure-conv", held_out_seeds="101-104")
        (pair,) = answer["pairs"]
        self.assertIn("llq", json.dumps(pair))

    def test_search_takes_a_scenario_object(self):
        scenario = sy.scenario("azure-conv", duration=60, train_seeds="1-2", validation_seeds="51-52",
                               held_out_seeds="101-103")
        answer = sy.search(scenario, ["memory_headroom"], replays=20, threads=1)
        self.assertIn("memory_headroom", json.dumps(answer))


class Speed(unittest.TestCase):
    def test_a_policy_in_python_is_at_most_60_times_slower(self):
        def fastest(policy, turns):
            times = []
            for _ in range(turns):
                begun = time.process_time()  # what else the machine does is not counted
                sy.run(scenario, policy, seed=42)
                times.append(time.process_time() - begun)
            return min(times)

        scenario = sy.scenario("azure-conv")
        native = fastest("llq", 20)
        self.assertLess(fastest(Llq(), 5), 60 * native)
        self.assertLess(fastest(sy.vidur.load(SOURCE / "tests" / "python" / "routers" / "llq.py"), 5), 50 / 200)


class Progress(unittest.TestCase):
    def test_it_goes_to_the_stderr_of_python(self):
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream):
            sy.search("azure-conv", ["memory_headroom"], replays=20, duration=60, train_seeds="1-2",
                      validation_seeds="51-52", held_out_seeds="101-102", progress=True)
            self.assertRegex(stream.getvalue(), "replays in [0-9.]+ s")
            stream.truncate(0)
            sy.search("azure-conv", ["memory_headroom"], replays=20, duration=60, train_seeds="1-2",
                      validation_seeds="51-52", held_out_seeds="101-102")
        self.assertEqual(stream.getvalue().strip("\0"), "")


class Pages(unittest.TestCase):
    def test_the_api_page_is_current(self):
        made = subprocess.run([sys.executable, str(SOURCE / "search" / "python" / "api_page.py")], capture_output=True,
                              text=True)
        self.assertEqual(made.stderr, "")
        self.assertEqual(made.stdout, (SOURCE / "search" / "python" / "API.md").read_text())


class Optuna(unittest.TestCase):
    def test_suggestions_are_specs(self):
        try:
            import optuna
        except ImportError:
            self.skipTest("Optuna is not installed")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
        study.optimize(sy.optuna.objective("azure-conv", "memory_headroom", seeds=[1]), n_trials=4)
        spec = study.best_trial.user_attrs["spec"]
        self.assertEqual(spec, sy.canonical_spec(spec))
        self.assertEqual(study.best_value, sy.run("azure-conv", spec, 1).summary["mean_e2e_s"])

    def test_every_policy_has_a_space(self):
        class First:  # a trial that takes the lowest of everything
            def suggest_float(self, name, low, high, log=False):
                return low

            suggest_int = suggest_float

            def suggest_categorical(self, name, choices):
                return choices[0]

        for name in sy.policy_names():
            with self.subTest(name):
                self.assertTrue(sy.optuna.suggest(First(), name).startswith(name))


if __name__ == "__main__":
    unittest.main()
