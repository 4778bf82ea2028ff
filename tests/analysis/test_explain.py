import numpy as np
import pandas as pd
import pytest

from cgt.analysis.explain import (
    amount,
    change,
    direction,
    gap,
    gradients_paragraph,
    proportion,
    resolved_paragraph,
)

SAME = "not significantly different from what it is"


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (-0.3, "less than half of what it is"),
        (-0.1, "less than"),
        (0.0, SAME),
        (0.1, "more than"),
    ],
)
def test_one_share_beside_another_seed_by_seed(difference, words):
    seeds, noise = np.array([0.3, 0.4, 0.5]), np.array([0.01, -0.01, 0.0])
    assert proportion(seeds + difference + noise, seeds) == words


def test_shares_of_one_seed_or_of_seeds_that_disagree_do_not_differ():
    assert proportion(np.array([0.1]), np.array([0.9])) == SAME
    apart = np.array([0.1, 0.6, 0.2]), np.array([0.4, 0.4, 0.4])
    assert proportion(*apart) == SAME


def test_words_follow_the_numbers():
    assert [change(0.2, after) for after in (0.1, 0.205, 0.3)] == ["falls", "hardly moves", "rises"]
    assert [direction(cosine) for cosine in (-0.3, 0.05, 0.3)] == [
        "against each other",
        "nearly at right angles",
        "partly the same way",
    ]
    assert [gap(0.9, val) for val in (0.8, 0.9, 0.95)] == [
        "but only ",
        "and about as many, ",
        "and even ",
    ]
    assert [amount(0.2, trained) for trained in (0.1, 0.2, 0.3)] == [
        "more than",
        "about as many as",
        "fewer than",
    ]


GATED = ("hard_cgt", "soft_cgt", "new_gate")


def frames_of(methods, seeds=(1, 2)):
    """Two exits, three epochs. The last exit's gradient share halves under hard_cgt.

    Under cascade the last exit sends no gradient to the first stage.
    """
    gradients, training, points = [], [], []
    for method in methods:
        for seed in seeds:
            run = {"dataset": "indian_pines", "method": method, "seed": seed}
            for epoch in (1, 2, 3):
                last = 1 / epoch if method == "hard_cgt" else 1.0
                at = {**run, "epoch": epoch, "stage": 1}
                gradients += [
                    {**at, "exit": 1, "other": 1, "norm": 1.0, "cosine": 1.0},
                    {**at, "exit": 1, "other": 2, "norm": 1.0, "cosine": -0.25},
                    {**at, "exit": 2, "other": 2, "norm": last, "cosine": 1.0},
                    {**at, "stage": 2, "exit": 2, "other": 2, "norm": 99.0, "cosine": 1.0},
                ]
                if method == "cascade":
                    del gradients[-3:-1]
                for e in (1, 2):
                    left = 0.3 / epoch if e == 2 and method in GATED else 1.0
                    shares = {"mean_eligibility": left, "val_mean_eligibility": min(1, 3 * left)}
                    training.append({**run, "epoch": epoch, "exit": e, **shares})
            points.append({**run, "point": "threshold_0.9", "exit_1": 0.6, "exit_2": 0.4})
    exits = [{"method": method, "exit": e} for method in methods for e in (1, 2)]
    oracle = [{"method": method} for method in methods]
    tables = {"gradients": gradients, "training": training, "operating_points": points}
    tables |= {"exits": exits, "oracle": oracle}
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}


def test_gradients_by_hand():
    text = gradients_paragraph(frames_of(["branchynet", "hard_cgt"]))
    assert "under BranchyNet the share hardly moves from 50.0 ± 0.0 % to 50.0 ± 0.0 %" in text
    assert (
        "under HardCGT the share falls from 50.0 ± 0.0 % to 25.0 ± 0.0 %, less than under "
        "BranchyNet"
    ) in text
    assert (
        "point against each other under BranchyNet (−0.25 ± 0.00) and HardCGT (−0.25 ± 0.00)."
        in text
    )
    assert "SoftCGT" not in text
    assert "Indian Pines (n = 2): under" in text


def test_resolved_by_hand():
    text = resolved_paragraph(frames_of(["branchynet", "soft_cgt"], seeds=(1,)))
    assert (
        "Indian Pines (n = 1): SoftCGT calls 90.0 % of the training samples resolved, but only "
        "70.0 % of the validation samples. At threshold 0.9 its last exit answers 40.0 % of the "
        "test samples, more than the 10.0 % of the training samples that the gates leave to it."
    ) in text


@pytest.mark.parametrize("paragraph", [gradients_paragraph, resolved_paragraph])
def test_each_dataset_has_its_own_number_of_seeds(paragraph):
    few, many = frames_of(["hard_cgt"]), frames_of(["hard_cgt"], seeds=(1, 2, 3))
    both = {
        name: pd.concat([few[name], many[name].assign(dataset="fashion_mnist")]) for name in few
    }
    text = paragraph({**both, "exits": few["exits"]})
    assert "Indian Pines (n = 2): " in text and "Fashion-MNIST (n = 3): " in text


def test_every_method_that_routes_is_in_the_gradients_paragraph():
    text = gradients_paragraph(frames_of(["hard_cgt", "my_method", "branchynet", "cascade"]))
    # The reference comes first, then the order of display.
    assert "Indian Pines (n = 2): under BranchyNet the share" in text
    assert "; under my_method the share hardly moves from 50.0" in text
    assert "HardCGT (−0.25 ± 0.00) and my_method (−0.25 ± 0.00)." in text
    assert "Under CO the first stage gets no gradient of the last exit." in text


def test_every_method_with_a_gate_is_in_the_paragraph_on_gates():
    text = resolved_paragraph(frames_of(["branchynet", "new_gate", "hard_cgt"]))
    assert "new_gate calls 90.0 ± 0.0 % of the training samples resolved" in text
    assert "HardCGT calls" in text and "BranchyNet" not in text


def test_without_gates_there_is_nothing_to_explain():
    frames = frames_of(["branchynet"])
    assert resolved_paragraph(frames).endswith("No method with a gate was run.")
    frames["oracle"] = frames["oracle"].iloc[:0]
    assert gradients_paragraph(frames).endswith("No method that routes samples was run.")


def test_a_method_whose_gradients_vanish_has_no_share_of_them(frames):
    gradients = frames["gradients"]
    still = (gradients["method"] == "soft_cgt") & (gradients["exit"] == gradients["other"])
    gradients = gradients.assign(norm=gradients["norm"].where(~still, 0.0))
    text = gradients_paragraph(frames | {"gradients": gradients})
    assert "under BranchyNet the share" in text and "under SoftCGT the share" not in text
