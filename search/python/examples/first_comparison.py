# %% A first comparison: two routers on the same traffic, and how their times are spread.
import switchyard as sy

scenario = sy.scenario("azure-conv", duration=300)
results = {policy: sy.run(scenario, policy, seed=42) for policy in ("lor", "llq", "hra")}
for policy, result in results.items():
    print(f"{policy:6} mean {result.summary['mean_e2e_s']:.3f} s, p99 {result.summary['p99_e2e_s']:.3f} s")

# %% One seed is an anecdote: the same on held-out seeds, paired, with an interval.
print(sy.compare("llq", "lor", scenario, held_out_seeds="101-108")["pairs"])

# %% The spread, as a plot if matplotlib is there.
try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    print("matplotlib is not installed: no plot")
else:
    for policy, result in results.items():
        columns = result.requests
        e2e = sorted((columns["completed_at_ps"] - columns["arrived_at_ps"]) / 1e12)
        plt.plot(e2e, [i / len(e2e) for i in range(len(e2e))], label=policy)
    plt.xlabel("end-to-end time, s")
    plt.ylabel("share of requests")
    plt.legend()
    plt.savefig("first_comparison.png")
