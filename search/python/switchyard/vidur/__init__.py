"""Routers written for Vidur (microsoft/vidur), run unmodified.

    policy = sy.vidur.load("ai_global_scheduler.py")
    print(sy.run("azure-conv", policy).summary["mean_e2e_s"])

A router is a class that derives from Vidur's BaseGlobalScheduler. Its imports of ``vidur.*`` lead to stand-ins here,
for that file only; an installed Vidur is never shadowed elsewhere.
"""

from .evaluate import evaluate
from .load import VidurPolicy, load

__all__ = ["VidurPolicy", "evaluate", "load"]
