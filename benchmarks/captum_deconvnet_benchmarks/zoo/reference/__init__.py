"""A deconvnet for whole networks, written to disagree with the engine where one of them is wrong.

It shares no code with ``captum_deconvnet`` and works at another level. The engine watches the
functions that a model calls, and keeps a tape of its own. The reference lets autograd run the
model as it is, then looks at the graph of backward nodes that autograd left: a hook on each node
replaces the gradient by the row of the rule table that the node's name stands for. A node whose
name is in no table ends in :class:`NoReferenceError`: the reference never guesses.
"""

from captum_deconvnet_benchmarks.zoo.reference.nodes import NoReferenceError
from captum_deconvnet_benchmarks.zoo.reference.tape import Tape, read

__all__ = ["NoReferenceError", "Tape", "read"]
