"""Runs every fenced sh block of a Markdown file, as a reader would who types it in.

usage: run_blocks.py FILE.md SOURCE_DIR BUILD_DIR

The blocks of a file run one after the other, each as one strict script, in one scratch folder: it holds links to the
folders of the source tree, build/release (this build), trace.csv, batches.csv and result.json, of a benchmark. `vllm` plays back
what was recorded (recorded/vllm). A command may not fail. Commands in EXEMPT are left out: they are what installs,
builds and runs this very test.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

EXEMPT = re.compile(r"^\s*(bash (bench|tests)/run\.sh|git clone|cd switchyard)\b")
FOLDERS = ["bench", "core", "policies", "results", "search", "tests"]
STRICT = "set -euo pipefail\n"


def blocks_of(markdown):
    """(line number, text) of each fenced block whose language is sh."""
    lines = markdown.splitlines()
    start = None
    fence = ""
    for number, line in enumerate(lines, 1):
        opening = re.match(r"^\s*(`{3,}|~{3,})\s*(\S*)", line)
        if start is None and opening:
            start, fence, language = number, opening[1], opening[2]
        elif start is not None and opening and line.strip().startswith(fence) and not opening[2]:
            if language == "sh":
                yield start + 1, "\n".join(lines[start : number - 1]) + "\n"
            start = None
    if start is not None:
        raise SystemExit(f"line {start}: a fence that is never closed")


def prepare(scratch, source, build):
    for folder in FOLDERS:
        (scratch / folder).symlink_to(source / folder)
    for file in ["CMakeLists.txt", "README.md"]:
        (scratch / file).symlink_to(source / file)
    (scratch / "batches.csv").symlink_to(source / "tests/cli/fixtures/batches.csv")
    (scratch / "result.json").symlink_to(source / "tests/cli/fixtures/vllm-bench.json")
    (scratch / "build").mkdir()
    (scratch / "build/release").symlink_to(build)
    (scratch / "home").mkdir()
    path = f"{build / 'bin'}:{source / 'tests/docs/recorded'}:{os.environ['PATH']}"
    environment = dict(os.environ, HOME=str(scratch / "home"), PATH=path)
    subprocess.run(
        ["switchyard", "workload", "generate", "--scenario", "azure-conv", "--num-requests", "120", "--out", "trace.csv"],
        cwd=scratch,
        env=environment,
        check=True,
    )
    return environment


def main():
    markdown, source, build = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    blocks = list(blocks_of(markdown.read_text()))
    if not blocks:
        raise SystemExit(f"{markdown} has no sh block")
    failed = 0
    ran = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        environment = prepare(scratch, source, build)
        for number, text in blocks:
            kept = [line for line in text.splitlines() if not EXEMPT.match(line)]
            ran += sum(1 for line in kept if line.strip() and not line.strip().startswith("#"))
            result = subprocess.run(
                ["bash", "-c", STRICT + "\n".join(kept)],
                cwd=scratch,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            if result.returncode != 0:
                failed += 1
                print(f"{markdown}:{number}: exit code {result.returncode}\n{text}---\n{result.stdout[-3000:]}")
    print(f"{len(blocks)} blocks, {ran} lines of commands, {failed} blocks failed")
    sys.exit(1 if failed else 0)


main()
