"""The claims ledger: what the paper says, one statistic for each saying, and whether it holds.

The rule. A statistic is one number per seed; where it compares two methods,
they are paired by seed. A claim says in which open region the statistic lies, such as "above 0".
With the 95 % t interval of the mean over seeds, the verdict is

- `reproduced` if the interval lies wholly in the region,
- `not reproduced` if it lies wholly outside, even when it is made wider for the number of the
  claim's comparisons on the dataset (Bonferroni),
- `undecided` otherwise, and always with one seed, which has no interval.

"Against every baseline" is an intersection-union test: the row shows the weakest comparison, the
one with the least favourable verdict and, among those, the least favourable mean. So `reproduced`
needs no correction for the number of comparisons, and `not reproduced`, for which one is enough,
does. A claim of several rows is reproduced if all are, not reproduced if any is not, and undecided
otherwise; only the datasets that the paper used count for it.
"""

from cgt.analysis.claims.ledger import Row, judge, ledger, verdict_of
from cgt.analysis.claims.rule import VERDICTS, Region, conjunction
from cgt.analysis.claims.statements import CLAIMS, DATASETS, LEAK_FREE, Claim, Statement

__all__ = [
    "CLAIMS",
    "DATASETS",
    "LEAK_FREE",
    "VERDICTS",
    "Claim",
    "Region",
    "Row",
    "Statement",
    "conjunction",
    "judge",
    "ledger",
    "verdict_of",
]
