"""The course of a picker's training."""

from typing import TYPE_CHECKING

import numpy as np

from spa.plot.figure import open_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(history: np.ndarray, recall: np.ndarray, picks: np.ndarray, chosen: int, judge: str) -> "Figure":
    """Loss and recall after each epoch; recall against picks for each label, and precision as the labels have it.

    history (epochs, 4): epoch, loss, recall, picks for each label; recall and picks along a falling threshold.
    """
    figure = open_figure(9, 4.2)
    left, right = figure.subplots(1, 2)
    left.plot(history[:, 0], history[:, 1], color="#5e3c99")
    left.set(xlabel="epoch", ylabel="loss", title="learning")
    beside = left.twinx()
    beside.plot(history[:, 0], history[:, 2], color="#e66101")
    beside.set(ylabel="recall of the labels at the best threshold", ylim=(0, 1.02))
    precision = recall / np.maximum(picks, 1e-9)
    right.plot(recall, precision, color="#e66101")
    right.plot(recall[chosen], precision[chosen], "o", color="k")
    right.set(xlabel="recall of the labels", ylabel="labels among the picks (not all particles are labelled)",
              xlim=(0, 1.02), ylim=(0, 1.02), title=judge)  # fmt: skip
    return figure
