"""What OpenEvolve calls for each program that it has written: openevolve-run initial_program.py evaluator.py --config config.yaml"""

import switchyard as sy

try:
    from openevolve.evaluation_result import EvaluationResult
except ImportError:  # figures alone, for others that call it
    EvaluationResult = None

SCENARIOS = ["azure-conv", "chat-pressure"]


def evaluate(program_path):
    answer = sy.vidur.evaluate(program_path, SCENARIOS, seeds=range(1, 5), time_s=240, memory_mib=4096)
    metrics = {"combined_score": answer["score"]}
    for name, figures in answer["scenarios"].items():
        metrics[f"{name}_mean_e2e_s"] = figures["mean_e2e_s"]
    if EvaluationResult is None:
        return metrics
    # What went wrong goes into the next prompt.
    return EvaluationResult(metrics=metrics, artifacts={"error": answer["error"]} if answer["error"] else {})
