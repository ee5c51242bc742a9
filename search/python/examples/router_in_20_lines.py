# %% A router of one's own in Python, against those that are built in.
import switchyard as sy


class ShortestFirst(sy.Policy):
    """The shortest prompt first, to the replica with the most free KV blocks."""

    def schedule(self, cluster):
        free = [cluster.state(replica).blocks_free for replica in range(cluster.num_replicas)]
        size = cluster.limits(0).block_size
        for request in sorted(map(cluster.queued, cluster.queue()), key=lambda it: it.num_prefill_tokens):
            blocks = -(-request.num_prefill_tokens // size)
            replica = max(range(len(free)), key=free.__getitem__)
            if free[replica] < blocks and cluster.outstanding(replica) > 0:
                break  # it waits, and so do those behind it
            cluster.assign(request.id, replica)
            free[replica] -= blocks


# %% On seeds that nobody tuned on.
scenario = sy.scenario("chat-pressure", duration=120)
for seed in (101, 102, 103):
    mine = sy.run(scenario, ShortestFirst(), seed).summary["mean_e2e_s"]
    print(f"seed {seed}: {mine:.2f} s, " + ", ".join(
        f"{policy} {sy.run(scenario, policy, seed).summary['mean_e2e_s']:.2f} s" for policy in ("llq", "hra")))
