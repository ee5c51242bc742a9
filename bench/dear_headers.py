#!/usr/bin/env python3
"""Prints the ten headers that cost a build the most: what compiling each alone takes, times the files that include it.

usage: dear_headers.py BUILD [--top N]

BUILD is a folder that CMake has configured (it holds compile_commands.json). Headers are those that our files name in
an #include; what a header includes counts with it, so a small header that drags in a large one shows. Precompiled
headers are left aside: the figures say what they save, and what a file would cost without them.
"""

import argparse
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def flags_of(entry):
    """The compiler and the flags of a compile command that decide what a header costs, without files."""
    words = shlex.split(entry["command"])
    while words and not re.search(r"(\+\+|cc|clang)[-.\d]*$", Path(words[0]).name) or Path(words[0]).name == "ccache":
        words.pop(0)
    kept, skip = [words[0]], False
    for word, following in zip(words[1:], words[2:] + [""]):
        if skip:
            skip = False
        elif word in ("-o", "-c", "-MF", "-MT", "-MQ"):
            skip = True
        elif word in ("-include", "-isystem", "-I") and following:
            skip = True
            if word != "-include":
                kept += [word, following]
        elif not word.startswith(("-M", "-Winvalid-pch")):
            kept.append(word)
    return kept


def included_by(entry):
    """All files that compiling this one reads."""
    done = subprocess.run([*flags_of(entry), "-M", entry["file"]], cwd=entry["directory"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"dear_headers.py: error: {entry['file']} does not compile: {done.stderr.splitlines()[0]}")
    return {os.path.realpath(os.path.join(entry["directory"], path))
            for path in done.stdout.replace("\\\n", " ").split()[1:]}


def cost(flags, directory, header):
    """CPU seconds of compiling an empty file that includes `header`, and the file that the name leads to."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "one.cpp"
        source.write_text(f"#include {header}\n")
        listed = subprocess.run([*flags, "-M", str(source)], cwd=directory, capture_output=True, text=True)
        if listed.returncode:
            return None
        paths = [path for path in listed.stdout.replace("\\\n", " ").split()[1:] if path != str(source)]
        best = None
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*flags, "-w", "-fsyntax-only", str(source)], cwd=directory, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            best = seconds if best is None else min(best, seconds)
        name = header.strip('"<>')
        path = next((path for path in paths if path.endswith("/" + name)), None)
        return path and (best, os.path.realpath(os.path.join(directory, path)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--top", type=int, default=10)
    options = parser.parse_args()
    commands = options.build / "compile_commands.json"
    if not commands.is_file():
        sys.exit(f"dear_headers.py: error: {commands}: there is no such file (configure with CMake first)")
    entries = [entry for entry in json.loads(commands.read_text())
               if not Path(entry["file"]).name.startswith("cmake_pch") and Path(entry["file"]).is_file()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read = list(pool.map(included_by, entries))
    headers = {}  # as it is named in an #include -> an entry that names it
    for entry in entries:
        for line in Path(entry["file"]).read_text(errors="replace").splitlines():
            if found := re.match(r'#include\s+(<[^>]+>|"[^"]+")', line):
                headers.setdefault(found[1], entry)
    rows = []
    for header, entry in sorted(headers.items()):
        if measured := cost(flags_of(entry), entry["directory"], header):
            seconds, path = measured
            files = sum(path in paths for paths in read)
            rows.append((seconds * files, seconds, files, header))
    print(f"{'CPU s in all':>12} {'alone':>6} {'files':>5}  header")
    for total, seconds, files, header in sorted(rows, reverse=True)[:options.top]:
        print(f"{total:12.1f} {seconds:6.2f} {files:5}  {header}")


if __name__ == "__main__":
    main()
