"""Runs bench/goals.py, bench/operated.py and bench/optuna/compare.py on small budgets: what they print is complete and
repeats itself. What bench/production_routers.py compares, on figures made up.
usage: test_search_tools.py SOURCE_FOLDER SWITCHYARD"""

import importlib.util
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE, SWITCHYARD = Path(sys.argv[1]), sys.argv[2]
NUMBER = r"\d+\.\d{3}"


def tool(name, *arguments):
    done = subprocess.run([sys.executable, SOURCE / "bench" / name, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


class Goals(unittest.TestCase):
    def test_a_search_is_held_against_its_goal_and_continued(self):
        with tempfile.TemporaryDirectory() as folder:
            run = [SWITCHYARD, "--out", folder, "--replays", "24", "--scenarios", "azure-code"]
            code, out, errors = tool("goals.py", *run)
            self.assertEqual((code, errors), (0, ""))
            row = out.splitlines()[-1]
            self.assertRegex(row, rf"^\| `azure-code` \| 0 \| 0.910 \| {NUMBER} \| \*\*{NUMBER}\*\* \| (yes|no) \|")
            self.assertIn("`interference_aware(", row)
            config = (Path(folder) / "azure-code" / "config.json").read_text()
            self.assertIn('"train_overload": 0.1', config)
            self.assertEqual(tool("goals.py", *run)[1], out)

    def test_an_unknown_scenario_is_named(self):
        code, _, errors = tool("goals.py", SWITCHYARD, "--scenarios", "azure-cod")
        self.assertNotEqual(code, 0)
        self.assertIn("no goal for azure-cod", errors)


class Operated(unittest.TestCase):
    def test_ours_is_tuned_and_held_against_all_routers_that_know_roles(self):
        with tempfile.TemporaryDirectory() as folder:
            run = [SWITCHYARD, "--out", folder, "--scenarios", "split-prefill", "--budget", "0.01", "--seeds", "101-102",
                   "--no-looks-free"]
            code, out, errors = tool("operated.py", *run)
            self.assertEqual(code, 0, errors)
            for figure in ("mean_e2e_s", "mean_ttft_s"):
                self.assertIn(f"Tuned for `{figure}`; ours, by training and validation seeds, is `compose_split`, tuned:", out)
            number = r"[0-9.]+"
            for router in ("llq", "llmd_pd", "dynamo_disagg", "aibrix_pd", "smg_pd", "vllm_stack_pd"):
                rows = re.findall(rf"^\| `{router}` \| {number} \| {number} \[[^|]*\] \|( {number} \|){{5}}$", out, re.M)
                self.assertEqual(len(rows), 2, f"{router}: {out}")
            self.assertEqual(len(re.findall(r"^Ours to LLQ \*\*[0-9.]+ \[", out, re.M)), 2)
            again = tool("operated.py", *run)
            self.assertEqual(again[1], out)
            self.assertNotIn("tuning", again[2])

    def test_an_unknown_scenario_is_named(self):
        code, _, errors = tool("operated.py", SWITCHYARD, "--scenarios", "azure-conv")
        self.assertEqual(code, 2)
        self.assertIn("--scenarios: 'azure-conv' is not one of mixed-gpus, failing-replica", errors)


sys.dont_write_bytecode = True
HAS_OPTUNA = importlib.util.find_spec("optuna") is not None  # before a folder of that name can be found
sys.path.insert(0, str(SOURCE / "bench"))
import production_routers as routers  # noqa: E402


class ProductionRouters(unittest.TestCase):
    def test_pairs_in_another_order_are_named_with_both_ratios(self):
        page = dict(zip(routers.COMPARED, [9, 8, 7, 6, 5]))
        self.assertEqual(routers.pairs_turned(page, page), [])
        self.assertEqual(routers.pairs_turned(page, {**page, "llq": 7.5}), ["llq/smg_cache_aware 1.12 and 0.94"])
        self.assertEqual(routers.order(page), "preble_e2 < dynamo < llmd < smg_cache_aware < llq")
        self.assertEqual(set(routers.PAGE), set(routers.MILD + routers.OVERLOAD))

    def test_each_router_is_known_with_what_it_reads(self):
        reads = routers.Tool(SWITCHYARD, 1).policies()
        self.assertTrue(reads["llmd"])
        self.assertFalse(reads["kubeai_least_load"])
        self.assertFalse(reads["llq"])
        self.assertGreater(len(reads), 50)


@unittest.skipUnless(HAS_OPTUNA, "optuna is not installed")
class Compare(unittest.TestCase):
    def test_all_contenders_get_a_figure(self):
        code, out, errors = tool(
            "optuna/compare.py", "--switchyard", SWITCHYARD, "--scenarios", "azure-code", "--policy", "memory_headroom",
            "--replays", "12", "--train-seeds", "1-2", "--held-out-seeds", "101-102", "--study-seeds", "1-2", "--settings")
        self.assertIn(code, (0, 1))  # 1: TPE was better
        row = out.splitlines()[-1]
        spread = rf"{NUMBER} \[{NUMBER}, {NUMBER}\]"
        self.assertRegex(row, rf"^\| `azure-code` \| {NUMBER} \| {spread} \| {spread} \| {spread} \| "
                              rf"{NUMBER}, [012] of 2 \(p [0-9.]+\) \| {NUMBER}, [012] of 2 \(p [0-9.]+\) \|$")
        self.assertEqual(len(re.findall(r"^azure-code [12] (ours|tpe|tpe-from-starts): ", errors, re.M)), 6)

    def test_an_unknown_contender_is_named(self):
        code, _, errors = tool("optuna/compare.py", "--switchyard", SWITCHYARD, "--contenders", "ours,cma")
        self.assertNotEqual(code, 0)
        self.assertIn("--contenders: known are ours, tpe, tpe-from-starts", errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
