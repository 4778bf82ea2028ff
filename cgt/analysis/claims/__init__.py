"""The claims ledger: what the paper says, one statistic for each saying, and whether it holds.

The rule. A statistic is one number per seed; where it compares two methods,
they are paired by seed. A claim says in which open region the statistic lies, such as "above 0".
There is one verdict for each claim, method and dataset. With the 95 % t interval of the mean over
seeds, the verdict is

- `reproduced` if the interval lies wholly in the region,
- `not reproduced` if it lies wholly outside, even when it is made wider for the number of the
  claim's comparisons of the method on the dataset (Bonferroni),
- `cannot be told` if what the claim compares with is not there: a run at the same schedule of exit
  weights, or a network like the paper's,
- `undecided` otherwise, and always with one seed, which has no interval.

A saying whose words can be read in two ways, such as "leaves early", is judged by both: where one
reading is reproduced and the other is not, it is `undecided: depends on the reading`; where they
differ otherwise, `undecided`.

"Against every baseline" is an intersection-union test: the row shows the weakest comparison, the
one with the least favourable verdict and, among those, the least favourable mean. So `reproduced`
needs no correction for the number of comparisons, and `not reproduced`, for which one is enough,
does. A claim of several rows has the least favourable verdict of them; only the datasets that the
paper used count for it.
"""

from cgt.analysis.claims.former import first_verdicts, read_verdicts
from cgt.analysis.claims.ledger import Row, judge, ledger, verdict_of, verdicts
from cgt.analysis.claims.rule import (
    CANNOT_TELL,
    DEPENDS,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    VERDICTS,
    Region,
    conjunction,
    of_readings,
)
from cgt.analysis.claims.statements import (
    CLAIMS,
    DATASETS,
    LEAK_FREE,
    Claim,
    Statement,
    methods_of,
)

__all__ = [
    "CANNOT_TELL",
    "CLAIMS",
    "DATASETS",
    "DEPENDS",
    "LEAK_FREE",
    "NOT_REPRODUCED",
    "REPRODUCED",
    "UNDECIDED",
    "VERDICTS",
    "Claim",
    "Region",
    "Row",
    "Statement",
    "conjunction",
    "first_verdicts",
    "judge",
    "ledger",
    "methods_of",
    "of_readings",
    "read_verdicts",
    "verdict_of",
    "verdicts",
]
