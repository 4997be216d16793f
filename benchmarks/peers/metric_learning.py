"""Miners and triplet loss of pytorch-metric-learning, forward and backward.

python -m benchmarks.peers.metric_learning hard|semi-hard ROWS DIM MARGIN
"""

import sys
import time

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner
from pytorch_metric_learning.reducers import MeanReducer

from benchmarks.peers.turns import THREADS, embeddings, serve


def main():
    strategy, rows, dim, margin = sys.argv[1], *map(int, sys.argv[2:4]), float(sys.argv[4])
    torch.set_num_threads(THREADS)
    values, labels = (torch.from_numpy(x) for x in embeddings(rows, dim))
    z = values.requires_grad_()
    distance = LpDistance(normalize_embeddings=False)
    if strategy == "hard":
        miner = BatchHardMiner(distance=distance)
    else:
        miner = TripletMarginMiner(margin, type_of_triplets="semihard", distance=distance)
    # Average over all mined triplets, as ours does; the default averages those above 0.
    objective = TripletMarginLoss(margin, distance=distance, reducer=MeanReducer())

    def step():
        z.grad = None
        triplets = miner(z, labels)
        loss = objective(z, labels, triplets)
        loss.backward()
        return loss.item(), len(triplets[0])

    def run(steps):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        return (time.perf_counter() - start) / steps

    loss, triplets = step()
    serve(run, loss=loss, triplets=triplets)


if __name__ == "__main__":
    main()
