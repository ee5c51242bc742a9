#!/usr/bin/env python3
"""Turns aiconfigurator's parquet tables of one GPU and vLLM version into the CSV files that `profile compose` reads.

    aiconfigurator_tables.py SYSTEM/vllm/VERSION --gpu h100_sxm --version 0.24.0 --out DIR

The folder is one of ai-dynamo/aiconfigurator's systems/data (Apache-2.0). Needs pyarrow. Milliseconds become
microseconds, rows measured more than once their median, a step of generation the context that it reads (step + 1).
"""

import argparse
import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path


def rows_of(folder, stem):
    """Rows of STEM_perf.parquet as dicts; none if there is no such file."""
    import pyarrow.parquet

    for path in sorted(folder.glob(f"{stem}*.parquet")):
        return pyarrow.parquet.read_table(path).to_pylist()
    return []


def gemm(rows):
    for row in rows:
        yield (row["gemm_dtype"], int(row["n"]), int(row["k"]), int(row["m"])), row["latency"]


def attention(rows, generation):
    for row in rows:
        if row["attn_dtype"] != "bfloat16" or row["kv_cache_dtype"] != "bfloat16" or int(row.get("window_size") or 0) > 0:
            continue
        heads = int(row["num_heads"])
        kv_heads = int(row["num_key_value_heads"]) or heads  # 0: as many as query heads
        length = int(row["step"]) + 1 if generation else int(row["isl"])
        yield (heads, kv_heads, int(row["head_dim"]), int(row["batch_size"]), length), row["latency"]


def all_reduce(rows):
    for row in rows:
        mode = "graph" if "graph" in str(row["backend"]) else "eager"
        yield (int(row["num_gpus"]), mode, int(row["message_size"])), row["latency"]


def experts(rows):
    for row in rows:
        key = (row["moe_dtype"], row["hidden_size"], row["inter_size"], row["topk"], row["num_experts"], row["moe_tp_size"],
               row["moe_ep_size"], row["distribution"], row["num_tokens"])
        yield key, row["latency"]


TABLES = {
    "gemm": ("gemm_perf", "dtype,n,k,m", gemm),
    "context-attention": ("context_attention_perf", "heads,kv_heads,head_dim,batch,length", lambda r: attention(r, False)),
    "generation-attention": ("generation_attention_perf", "heads,kv_heads,head_dim,batch,context", lambda r: attention(r, True)),
    "allreduce": ("custom_allreduce_perf", "gpus,mode,elements", all_reduce),
    "moe-mixtral": ("moe_perf", "dtype,hidden,inter,topk,experts,tp,ep,distribution,tokens", experts),
}


def convert(folder, gpu, version, out, read=rows_of):
    """Writes the tables that are there; returns their paths."""
    written = []
    for name, (stem, header, pick) in TABLES.items():
        samples = defaultdict(list)
        for key, latency_ms in pick(read(folder, stem)):
            samples[key].append(float(latency_ms))
        if not samples:
            continue
        path = out / f"{gpu}-vllm{version}-{name}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header.split(",") + ["us"])
            for key in sorted(samples):
                writer.writerow([*key, f"{1e3 * statistics.median(samples[key]):.5g}"])
        written.append(path)
    return written


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gpu", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if not options.folder.is_dir():
        sys.exit(f"{options.folder}: no such folder")
    options.out.mkdir(parents=True, exist_ok=True)
    written = convert(options.folder, options.gpu, options.version, options.out)
    if not written:
        sys.exit(f"{options.folder}: holds none of {', '.join(stem for stem, _, _ in TABLES.values())} as parquet")
    for path in written:
        print(path)


if __name__ == "__main__":
    main()
