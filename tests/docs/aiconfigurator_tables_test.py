"""The converter of aiconfigurator's tables: on rows as its parquet files hold them, and on such files if pyarrow is there."""

import importlib.util
import sys
import tempfile
from pathlib import Path

source = Path(__file__).parents[2] / "core/cost/aiconfigurator_tables.py"
spec = importlib.util.spec_from_file_location("aiconfigurator_tables", source)
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)

ATTENTION = {"attn_dtype": "bfloat16", "kv_cache_dtype": "bfloat16", "window_size": 0, "num_heads": 32, "head_dim": 128}
ROWS = {
    "gemm_perf": [{"gemm_dtype": "fp8", "n": 64, "k": 32, "m": 1, "latency": ms} for ms in (0.3, 0.1, 0.2)],
    "context_attention_perf": [
        {**ATTENTION, "num_key_value_heads": 0, "batch_size": 1, "isl": 16, "latency": 0.01},
        {**ATTENTION, "num_key_value_heads": 8, "batch_size": 1, "isl": 16, "latency": 0.02, "window_size": 128},
    ],
    "generation_attention_perf": [
        {**ATTENTION, "num_key_value_heads": 8, "batch_size": 2, "isl": 1, "step": 15, "latency": 0.03}
    ],
    "custom_allreduce_perf": [{"num_gpus": 2, "backend": "vllm_graph", "message_size": 128, "latency": 0.004}],
}
EXPECTED = {
    "gemm": "dtype,n,k,m,us\nfp8,64,32,1,200\n",
    "context-attention": "heads,kv_heads,head_dim,batch,length,us\n32,32,128,1,16,10\n",
    "generation-attention": "heads,kv_heads,head_dim,batch,context,us\n32,8,128,2,16,30\n",
    "allreduce": "gpus,mode,elements,us\n2,graph,128,4\n",
}


def check(folder, **how):
    with tempfile.TemporaryDirectory() as out:
        written = tables.convert(folder, "h100_sxm", "1.2.3", Path(out), **how)
        found = {path.name.removeprefix("h100_sxm-vllm1.2.3-").removesuffix(".csv"): path.read_text() for path in written}
    assert found == EXPECTED, found


check(Path("."), read=lambda folder, stem: ROWS.get(stem, []))
try:
    import pyarrow
    import pyarrow.parquet
except ImportError:
    print("SKIPPED: pyarrow is not there")
    sys.exit(0)
with tempfile.TemporaryDirectory() as name:
    for stem, rows in ROWS.items():
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), Path(name) / f"{stem}.parquet")
    check(Path(name))
