"""Every JSON file that a run or a search leaves behind follows the published schema of its kind, and would not if a key
were missing, added or of another type.

usage: check_schemas.py SWITCHYARD SOURCE_DIR
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("SKIPPED: python3-jsonschema is not installed")
    sys.exit(0)

switchyard, source = sys.argv[1], pathlib.Path(sys.argv[2])
RUN = {"config.json": "run-config", "summary.json": "summary", "states.json": "states"}
SEARCH = {"leaderboard.json": "leaderboard", "study.json": "study",
          "distributions.json": "distributions", "config.json": "study-config"}
NOT_PUBLISHED = {"timings.json"}  # a note to the user, not an input to anything
faults = []


def output_of(*words):
    return subprocess.run([switchyard, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def file_of(name):
    return source / ("bench/scenarios" if name == "scenario" else "results/schemas") / f"{name}.schema.json"


def mutants_of(value):
    """Copies of an object with one key missing, one added, or one of another type."""
    for key in value:
        missing, retyped = copy.deepcopy(value), copy.deepcopy(value)
        del missing[key]
        retyped[key] = {"not": "this"} if not isinstance(value[key], dict) else "text"
        yield f"without {key}", missing
        yield f"{key} of another type", retyped
    yield "with another key", {**value, "another_key": 1}


# What older files lack.
LATER = {"leaderboard": {"digest"}, "study-config": {"resolved"}}

schemas = {}
for line in output_of("schema").splitlines():
    name = line.split()[0]
    text = output_of("schema", name)
    schemas[name] = jsonschema.Draft202012Validator(json.loads(text))
    jsonschema.Draft202012Validator.check_schema(schemas[name].schema)
    if not file_of(name).exists() or file_of(name).read_text() != text:
        faults.append(f"{file_of(name)} is not what is generated: switchyard schema {name} > {file_of(name)}")


def check(name, path, value, strict=True):
    if name not in schemas:
        faults.append(f"{path}: no published schema '{name}'")
        return
    for error in schemas[name].iter_errors(value):
        faults.append(f"{path}: {error.json_path}: {error.message}")
    for what, mutant in mutants_of(value) if strict else []:
        if what.removeprefix("without ") in LATER.get(name, ()):
            continue
        if schemas[name].is_valid(mutant):
            faults.append(f"{name}: the schema accepts {path} {what}")


def check_folder(folder, kinds):
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        if path.name in NOT_PUBLISHED:
            continue
        if path.name not in kinds:
            faults.append(f"{path.name}: a file that others may read, without a schema")
        else:
            check(kinds[path.name], path.name, json.loads(path.read_text()))


with tempfile.TemporaryDirectory() as scratch:
    for policy, scenario in [("hra", "chat-pressure"), ("llq", "azure-code")]:
        run = ["run", "--scenario", scenario, "--duration", "20", "--policy", policy, "--out", f"{scratch}/{policy}"]
        output_of(*run)
        check_folder(f"{scratch}/{policy}", RUN)
    search = ["--scenario", "azure-conv", "--duration", "20", "--policy", "hra,memory_headroom", "--trials", "3"]
    output_of("search", *search, "--quiet", "--out", f"{scratch}/search")
    if "leaderboard" in schemas:
        check_folder(f"{scratch}/search", SEARCH)
conv = ["--scenario", "azure-conv", "--duration", "20", "--held-out-seeds", "101-102", "--quiet", "--json"]
for name, words in {
    "suite": ["suite", "llq,hra", "--scenarios", "azure-conv,azure-code", "--seeds", "101-102", "--quiet", "--json"],
    "sweep": ["sweep", "--policy", "llq,hra", "--qps", "1,2", *conv],
    "plan": ["plan", "--policy", "llq,hra", "--constraint", "p99_ttft_s<=0.4", "--counts", "1-4", *conv],
    "comparison": ["compare", "llq", "hra", *conv],
    "sensitivity": ["sensitivity", "hra", *conv],
    "validation": ["validate", str(source / "tests/cli/fixtures/vllm-bench.json"), "--profile", "h100-qwen3-14b", "--json"],
}.items():
    check(name, f"switchyard {words[0]} --json", json.loads(output_of(*words)))
for path in sorted((source / "bench/scenarios").glob("*.json")):
    if not path.name.endswith(".schema.json"):
        check("scenario", path, json.loads(path.read_text()), strict=False)

print("\n".join(faults + [f"{len(schemas)} schemas, {len(faults)} faults"]))
sys.exit(1 if faults else 0)
