"""Learning from positive and unlabelled places: the GE-binomial objective.

Bepler et al., Nat. Methods 16 (2019) 1153: labelled places count by their cross-entropy; of the others it is only asked
that the number of positives among them be as a binomial of the expected rate has it, so that a particle nobody
picked is not learned as background. What lies about a pick, nearer than two particles can be, is known too.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.stats import binom
from torch.nn import functional

from spa_plugins.train_neural.samples import Piece

DRAWN = 1024  # unlabelled places of a batch, over its pieces
_LEAST_VARIANCE = 1e-2


def labelled(odds: torch.Tensor, hope: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy (nats) of log-odds (n,) against the probabilities (n,) that are right."""
    return functional.binary_cross_entropy_with_logits(odds, hope)


def expected_count(odds: torch.Tensor, rate: float) -> torch.Tensor:
    """Cross-entropy (nats) of the number of positives among places of log-odds (n,) against Binomial(n, rate).

    The number follows a normal law of mean sum p and variance sum p (1 - p), on the whole numbers 0 to n.
    """
    p = torch.sigmoid(odds)
    mean, variance = p.sum(), (p * (1 - p)).sum() + _LEAST_VARIANCE
    number = torch.arange(len(odds) + 1)
    wanted = torch.from_numpy(binom.pmf(number.numpy(), len(odds), rate).astype(np.float32))
    return -(wanted * functional.log_softmax(-0.5 * (number - mean) ** 2 / variance, dim=0)).sum()


def objective(
    pieces: Sequence[Piece], rng: np.random.Generator, slack: float
) -> Callable[[list[torch.Tensor]], torch.Tensor]:
    """The loss of a batch's answers; ``slack`` weighs the count against the labels."""
    share = DRAWN // len(pieces)
    drawn, known, hopes, rates = [], [], [], []
    for piece in pieces:
        free = np.flatnonzero(piece.free)
        drawn.append(torch.from_numpy(rng.choice(free, min(share, len(free)), replace=False)))
        near = np.flatnonzero(np.isfinite(piece.hope))
        known.append(torch.from_numpy(near))
        hopes.append(torch.from_numpy(piece.hope.ravel()[near]))
        rates += [piece.rate] * len(drawn[-1])

    def loss(answers: list[torch.Tensor]) -> torch.Tensor:
        found = torch.cat([one.ravel()[at] for one, at in zip(answers, known)])
        total = labelled(found, torch.cat(hopes)) if len(found) else torch.zeros(())
        if rates:
            odds = torch.cat([one.ravel()[at] for one, at in zip(answers, drawn)])
            total = total + slack * expected_count(odds, float(np.mean(rates)))
        return total

    return loss
