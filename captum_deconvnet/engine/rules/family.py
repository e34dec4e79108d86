"""The family of projections that differ only in how a rectifier is passed backwards.

Mahendran & Vedaldi (2016) tell the family apart by three booleans; the four named members are
the methods of Simonyan 2013 (gradient), Zeiler & Fergus 2014 (deconvnet), Springenberg 2015
(guided) and the plain linear adjoint.
"""

from __future__ import annotations

from dataclasses import dataclass

from captum_deconvnet.errors import unknown_name


@dataclass(frozen=True)
class Family:
    """One member of the family.

    Args:
        relu_mask: stop the signal where the forward ReLU was off.
        pool_switches: unpool max pools to the recorded switches; if not, to the centre of each
            window. Adaptive and global maxima, which have no fixed window, keep their switches.
        relu_backward: stop the signal where it is itself negative.
    """

    relu_mask: bool
    pool_switches: bool
    relu_backward: bool

    @property
    def exact(self) -> bool:
        """Whether this is the gradient: every operation then runs its own derivative."""
        return self.relu_mask and self.pool_switches and not self.relu_backward


FAMILIES = {
    "deconvnet": Family(relu_mask=False, pool_switches=True, relu_backward=True),
    "guided": Family(relu_mask=True, pool_switches=True, relu_backward=True),
    "gradient": Family(relu_mask=True, pool_switches=True, relu_backward=False),
    "adjoint": Family(relu_mask=False, pool_switches=True, relu_backward=False),
}


def family(relu: str | Family) -> Family:
    """The family member called ``relu``.

    Raises:
        UnknownNameError: for a name that is none of the four.
    """
    if isinstance(relu, Family):
        return relu
    if relu not in FAMILIES:
        raise unknown_name("relu rule", str(relu), FAMILIES, f"Known: {', '.join(FAMILIES)}.")
    return FAMILIES[relu]
