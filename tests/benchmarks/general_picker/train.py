"""Trains the general picker that comes with spa, on made-up micrographs alone.

    python tests/benchmarks/general_picker/train.py OUT.npz [--from PICKER.npz] [--steps N] [--batch N] [--rate R]
        [--kinds N] [--seed N]

The one that is shipped was made in two stages, seed 0: 500 steps of a schedule of 1200 from nothing, on specimens
without cages and with 24 pictures to judge by; then `--from` that one, `--steps 1000`, of which
the 250th did best on 32.

Needs torch. Every 50 steps recall and precision over unseen specimens are printed, by the log-odds at which to pick;
OUT.npz has the weights and the threshold that did best there, by F1; last.npz beside it the latest.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from pictures import picture, target, turned
from scipy.spatial import cKDTree
from specimens import specimen
from torch.nn import functional

from spa.picking import network
from spa.picking.working import ACROSS, Working
from spa.recipe import picker
from spa.recipe.picker import Picker
from spa_plugins.train_neural import net

KEEP = 0.99  # of the running mean of the weights, each step
TRIED = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5)  # log-odds
STOCK = 64  # pictures that are shown again, turned, until newer ones take their places


def loss_of(hopes):
    def loss(answers):
        total = 0 * sum(found.sum() for found in answers)
        for found, hope in zip(answers, hopes):
            judged = torch.isfinite(hope)
            if not judged.any():
                continue
            wanted = hope[judged]
            total = total + functional.binary_cross_entropy_with_logits(found[judged], wanted, 1 + 2 * wanted)
        return total / len(answers)

    return loss


def tested(weights, pictures):
    """Recall and precision at each of the log-odds tried."""
    hits, wanted, picked = np.zeros(len(TRIED)), 0, np.zeros(len(TRIED))
    for made in pictures:
        found = Working(made.image, np.ones(2), np.zeros(2)).found(network.log_odds(made.image, weights), -2, 0.5)
        rows = np.rint(found[:, 1::-1]).astype(int).clip(0, made.image.shape[0] - 1)
        found = found[~made.away[tuple(rows.T)]]
        centres = made.centres[(made.centres > 0).all(1) & (made.centres < made.image.shape[0]).all(1)]
        centres = centres[~made.away[tuple(np.rint(centres).astype(int).clip(0, made.image.shape[0] - 1).T)]]
        wanted += len(centres)
        for i, least in enumerate(TRIED):
            chosen = found[found[:, 2] >= least]
            picked[i] += len(chosen)
            if len(chosen) and len(centres):
                hits[i] += (cKDTree(chosen[:, 1::-1]).query(centres)[0] < 0.25 * ACROSS).sum()
    return hits / max(wanted, 1), hits / np.maximum(picked, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--from", dest="start", help="picker whose weights to begin with")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", type=int, default=300)
    given = parser.parse_args()
    rng = np.random.default_rng([given.seed, 1])
    held = np.random.default_rng([given.seed, 2])
    drawn = [specimen(rng, ACROSS * np.exp(rng.uniform(np.log(0.72), np.log(1.15)))) for _ in range(given.kinds)]
    others = [specimen(held, ACROSS) for _ in range(48)]
    pictures = [picture(others, held) for _ in range(64)]
    weights = net.loaded(picker.read(given.start).weights) if given.start else net.fresh(rng)
    mean = {name: one.detach().clone() for name, one in weights.items()}
    optimiser = torch.optim.AdamW(weights.values(), lr=given.rate, weight_decay=1e-4)
    warm = 60
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda i: min(1, (i + 1) / warm) * (0.5 * (1 + np.cos(np.pi * min(1, i / given.steps))) + 0.01)
    )
    lost, best, start, stock = 0.0, 0.0, time.process_time(), []
    with ThreadPoolExecutor(1) as pool:
        for step in range(1, given.steps + 1):
            if len(stock) == STOCK:
                stock.pop(0)
            stock.append(picture(drawn, rng))
            made = [turned(stock[i], rng) for i in rng.integers(len(stock), size=given.batch - 1)] + [stock[-1]]
            hopes = [torch.from_numpy(target(one)) for one in made]
            lost += net.gradient([net.framed(one.image) for one in made], weights, pool, loss_of(hopes))
            torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
            optimiser.step()
            schedule.step()
            keep = min(KEEP, step / (step + 10))
            for name, one in weights.items():
                mean[name].mul_(keep).add_(one.detach(), alpha=1 - keep)
            if step % 50 == 0 or step == given.steps:
                arrays = net.arrays(mean)
                recall, precision = tested(arrays, pictures)
                scores = 2 * recall * precision / np.maximum(recall + precision, 1e-9)
                score, least = float(scores.max()), TRIED[int(scores.argmax())]
                print(f"{step} loss {lost / 50:.4f} F1 {score:.4f} recall {recall.round(3)} precision "
                      f"{precision.round(3)} {time.process_time() - start:.0f} s", flush=True)  # fmt: skip
                made_one = Picker(arrays, threshold=least)
                picker.write(made_one, Path(given.out).with_name("last.npz"))
                if score > best:
                    picker.write(made_one, given.out)
                best, lost = max(score, best), 0.0


if __name__ == "__main__":
    main()
