"""Tests of bench/micro/*.py. usage: test_tools.py SOURCE_FOLDER BUILD_FOLDER"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(SOURCE / "bench" / "micro"))
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "bench"))
import drained_replica  # noqa: E402
import runs  # noqa: E402


def tool(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=SOURCE)
    return done.returncode, done.stdout, done.stderr


def record(name, cpu_time, **more):
    return {"name": name, "run_type": "iteration", "cpu_time": cpu_time, "real_time": cpu_time, "time_unit": "ms", **more}


class MedianInterval(unittest.TestCase):
    def test_known_intervals(self):
        # Conover, Practical Nonparametric Statistics: of 6 values the extremes, of 15 the 4th from each end.
        self.assertEqual(runs.median_interval([3, 1, 2, 6, 5, 4]), (3.5, 1, 6))
        self.assertEqual(runs.median_interval(range(1, 16)), (8, 4, 12))
        self.assertEqual(runs.median_interval(range(1, 21)), (10.5, 6, 15))

    def test_too_few_values_give_their_range(self):
        self.assertEqual(runs.median_interval([2, 9, 4]), (4, 2, 9))


class FreeReplica(unittest.TestCase):
    def test_what_follows_to_a_replica_that_was_free(self):
        # Arrived, completed, replica. The first finds 0 free: of the two that come within a second one goes there, too.
        # The second finds it taken; the third finds 1 free, and nothing follows it; nor does the last, at 6 s.
        rows = [(0.0, 5.0, 0), (0.5, 6.0, 0), (0.75, 3.0, 1), (6.0, 7.0, 0)]
        self.assertEqual(drained_replica.pile(rows, 1), (0.5, 2))

    def test_the_busiest_of_windows_of_eight_and_more(self):
        rows = [(float(i) / 10, 20.0, i % 4) for i in range(8)] + [(10.0 + i / 10, 20.0, 1) for i in range(8)]
        self.assertEqual(drained_replica.busiest(rows + [(20.0, 21.0, 3)], 10), (0.25 + 1) / 2)


class Table(unittest.TestCase):
    def table(self, records, **context):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "runs.json"
            file.write_text(json.dumps({"context": context, "benchmarks": records}))
            return tool(sys.executable, "bench/micro/table.py", str(file))

    def test_ratios_are_medians_over_the_median_yardstick(self):
        code, out, _ = self.table(
            [record("BM_Yardstick", t) for t in (0.2, 0.3, 0.9)]
            + [record("BM_Replay/azure-conv/llq", t, steps=10, items_per_second=5e6) for t in (0.3, 0.6, 0.9)])
        self.assertEqual(code, 0)
        self.assertIn("| `BM_Replay/azure-conv/llq` | 2 | 1 - 3 | 2 | 5 M |  | 10 |", out)

    def test_memory_of_a_million_prompts_is_the_least_that_was_read(self):
        code, out, _ = self.table(
            [record("BM_Yardstick", 0.2)]
            + [record("BM_MillionPrompts/requests:1000000", 500.0, items_per_second=2e6, **{"peak MiB": mib}) for mib in (310.2, 290.4)])
        self.assertEqual(code, 0)
        self.assertIn("| `BM_MillionPrompts/requests:1000000` | 500 | 290 |", out)

    def test_a_busy_machine_is_named(self):
        _, out, _ = self.table([record("BM_Yardstick", 0.2)], load_avg=[14.97, 15.1, 12], num_cpus=2)
        self.assertIn("The machine was busy: a load of 15 on 2 processors.", out)
        _, out, _ = self.table([record("BM_Yardstick", 0.2)], load_avg=[1.2, 15.1, 12], num_cpus=2)
        self.assertNotIn("busy", out)

    def test_a_benchmark_that_failed_is_an_error(self):
        code, _, err = self.table([record("BM_Yardstick", 1.0, error_occurred=True, error_message="wrong sum")])
        self.assertEqual(code, 2)
        self.assertIn("BM_Yardstick failed its check: wrong sum", err)

    def test_no_yardstick(self):
        code, _, err = self.table([record("BM_Scale", 1.0)])
        self.assertEqual(code, 2)
        self.assertIn("no BM_Yardstick", err)


class Compare(unittest.TestCase):
    def test_a_build_against_itself(self):
        code, out, err = tool("bash", "bench/compare.sh", str(BUILD), str(BUILD), "--filter", "BM_Yardstick", "--rounds",
                              "6", "--min-time", "0.002", "--least", "0.9")
        self.assertEqual(code, 0, err)
        self.assertIn("0 of 1 benchmarks changed", out)

    def test_bad_arguments(self):
        self.assertEqual(tool("bash", "bench/compare.sh", "nowhere", str(BUILD))[0], 2)
        code, _, err = tool("bash", "bench/compare.sh", str(BUILD), str(BUILD), "--rounds", "5")
        self.assertEqual(code, 2)
        self.assertIn("at least 6", err)
        code, _, err = tool("bash", "bench/compare.sh", str(BUILD), str(BUILD), "--filter", "BM_Nothing")
        self.assertEqual(code, 2)
        self.assertIn("no benchmark matches 'BM_Nothing'", err)


class Parallel(unittest.TestCase):
    def test_bad_build(self):
        code, _, err = tool("bash", "bench/parallel.sh", "nowhere")
        self.assertEqual(code, 2)
        self.assertIn("there is no such file", err)


unittest.main(argv=sys.argv[:1])
class DearHeaders(unittest.TestCase):
    def test_a_header_counts_once_for_each_file_that_reads_it(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "small.hpp").write_text('#include "large.hpp"\n')
            (folder / "large.hpp").write_text("#include <string>\n")
            (folder / "a.cpp").write_text('#include "small.hpp"\n')
            (folder / "b.cpp").write_text('#include "large.hpp"\n')
            commands = [{"directory": str(folder), "file": str(folder / name),
                         "command": f"c++ -std=c++20 -I{folder} -MD -MF {name}.d -o {name}.o -c {folder / name}"}
                        for name in ("a.cpp", "b.cpp")]
            (folder / "compile_commands.json").write_text(json.dumps(commands))
            code, out, err = tool(sys.executable, "bench/dear_headers.py", str(folder))
        self.assertEqual((code, err), (0, ""))
        files = {line.split()[3]: int(line.split()[2]) for line in out.splitlines()[1:]}
        self.assertEqual(files, {'"large.hpp"': 2, '"small.hpp"': 1})

    def test_a_folder_that_is_no_build_is_an_error(self):
        code, _, err = tool(sys.executable, "bench/dear_headers.py", "bench")
        self.assertNotEqual(code, 0)
        self.assertIn("compile_commands.json: there is no such file", err)


