# %% One search over the workers of a Dask cluster: here two processes, elsewhere any number of machines.
import switchyard as sy

try:
    from dask.distributed import Client
except ImportError:
    Client = None
    print("Dask is not installed: processes of our own replay")

budget = dict(replays=60, duration=60, train_seeds="1-3", validation_seeds="51-52", held_out_seeds="101-103")


def main():
    if Client is None:
        answer = sy.search("azure-conv", ["memory_headroom"], workers=2, **budget)
    else:
        with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
            answer = sy.search("azure-conv", ["memory_headroom"], executor=client, **budget)
    same = answer == sy.search("azure-conv", ["memory_headroom"], threads=1, **budget)
    print("the same as with one thread:", same)


if __name__ == "__main__":
    main()
