"""Policies in Python on clusters whose replicas fail, come and go, are not alike, or have roles."""

import unittest

import switchyard as sy

FAILS = {"replicas": 3, "duration": 60, "replica_events": "fail 1 at 10 for 10, drain 2 at 30", "detection": 1}
SPLIT = {"duration": 5}


class Able(sy.Policy):
    """Fewest outstanding of those that can serve; writes down what it is told."""

    def start(self, cluster, seed):
        self.lost, self.fleet, self.retries = [], [], []
        self.all_serve = cluster.serves_all()

    def on_arrival(self, request):
        if request.num_retries:
            self.retries.append((request.id, request.num_retries))

    def on_loss(self, request):
        self.lost.append((request.id, request.replica, request.completed_at))

    def on_fleet(self, cluster, replica):
        self.fleet.append((round(cluster.now, 6), replica, cluster.accepts(replica)))

    def schedule(self, cluster):
        for id in cluster.queue():
            able = [replica for replica in range(cluster.num_replicas) if cluster.can_serve(id, replica)]
            if able:
                cluster.assign(id, min(able, key=cluster.outstanding))


class Apart(sy.Policy):
    """Fewest outstanding in each pool; `at_once`: both places are settled when a request arrives."""

    knows_roles = True
    at_once = False

    def start(self, cluster, seed):
        self.prefilled = []
        roles = [cluster.role(replica) for replica in range(cluster.num_replicas)]
        self.pools = {role: [i for i, found in enumerate(roles) if found == role] for role in set(roles)}

    def on_prefilled(self, request):
        self.prefilled.append((request.id, request.prefilled_on))

    def schedule(self, cluster):
        if not cluster.is_split:
            raise RuntimeError("not apart")
        for id in cluster.queue():
            prefill, decode = (min(self.pools[role], key=cluster.outstanding) for role in ("prefill", "decode"))
            if cluster.queued(id).prefilled_on >= 0:
                cluster.assign(id, decode)
            elif self.at_once:
                cluster.assign(id, prefill, decode=decode)
            else:
                cluster.assign(id, prefill)


class Operated(unittest.TestCase):
    def test_a_policy_is_told_of_failures_and_asks_who_can_serve(self):
        policy = Able()
        result = sy.run("chat-sessions", policy, seed=1, **FAILS)
        self.assertTrue(policy.all_serve)
        self.assertEqual(policy.fleet, [(11.0, 1, False), (20.0, 1, True), (30.0, 2, False)])
        self.assertGreater(len(policy.lost), 0)
        self.assertEqual({(replica, at) for _, replica, at in policy.lost}, {(1, 11.0)})
        self.assertEqual(policy.retries, [(id, 1) for id, _, _ in policy.lost])
        self.assertEqual(result.requests["num_retries"].sum(), len(policy.lost))
        self.assertEqual(result.requests["num_retries"].max(), 1)
        self.assertFalse(result.requests["failed"].any())

    def test_it_does_what_the_same_policy_in_cpp_does(self):
        for scenario, flags, seed in (("chat-sessions", FAILS, 1), ("mixed-gpus", {"duration": 20}, 2)):
            ours, theirs = (sy.run(scenario, policy, seed=seed, **flags) for policy in (Able(), "llq"))
            self.assertTrue((ours.requests["replica"] == theirs.requests["replica"]).all(), scenario)
            self.assertEqual(ours.summary, theirs.summary)

    def test_what_is_sent_to_a_replica_that_takes_nothing_is_refused(self):
        class Unaware(sy.Policy):
            def schedule(self, cluster):
                while cluster.queue_length():
                    cluster.assign(cluster.first_queued(), 2)

        with self.assertRaisesRegex(RuntimeError, "to replica 2, which takes none now") as raised:
            sy.run("chat-sessions", Unaware(), seed=1, **FAILS)
        self.assertNotIn("\n", str(raised.exception))

    def test_prefill_and_decode_are_placed_apart(self):
        policy = Apart()
        result = sy.run("split-prefill", policy, seed=1, **SPLIT)
        expected = sy.run("split-prefill", "llq", seed=1, **SPLIT)
        self.assertGreater(result.summary["split_share"], 0.9)
        self.assertGreater(len(policy.prefilled), 0)
        self.assertTrue(all(replica in policy.pools["prefill"] for _, replica in policy.prefilled))
        self.assertEqual(result.summary, expected.summary)  # llq chooses in each pool by the same rule

        class AtOnce(Apart):
            at_once = True

        at_once = AtOnce()
        other = sy.run("split-prefill", at_once, seed=1, **SPLIT)
        self.assertEqual(at_once.prefilled, [])
        self.assertEqual(other.summary["split_share"], result.summary["split_share"])

    def test_who_ignores_roles_is_refused_where_they_matter(self):
        for policy in (Able(), Able):
            with self.assertRaisesRegex(sy.InputError, "^policy: Able ignores roles, .*knows_roles = True$"):
                sy.run("split-prefill", policy, seed=1, **SPLIT)
        with self.assertRaisesRegex(RuntimeError, "it ignores roles"):
            sy.run("split-prefill", "hra", seed=1, **SPLIT)

    def test_two_places_are_refused_where_there_are_no_roles(self):
        class Two(sy.Policy):
            def schedule(self, cluster):
                cluster.assign(cluster.first_queued(), 0, 1)

        with self.assertRaises(RuntimeError):
            sy.run("azure-conv", Two(), seed=1, duration=10)

    def test_check_policy_tries_both(self):
        class InTurn(sy.Policy):
            def start(self, cluster, seed):
                self.turn = 0

            def schedule(self, cluster):
                while cluster.queue_length():
                    self.turn += 1
                    cluster.assign(cluster.first_queued(), self.turn % cluster.num_replicas)

        self.assertEqual(sy.check_policy(Able, 40), [])
        self.assertEqual(sy.check_policy(InTurn, 30), [])
        (fault,) = sy.check_policy(InTurn, 40)
        self.assertRegex(fault, "^InTurn: operated: round 30 .*which takes none now")


if __name__ == "__main__":
    unittest.main()
