"""The independent deconvnet for whole networks, under the name that the tests know it by.

It stands with the sweep, which needs it where no tests are installed. It is written from the rule
table of the design alone, works on autograd's graph, and shares no code with the engine:
``read(model, image, layers).project(layer, seed)``.
"""

from captum_deconvnet_benchmarks.zoo.reference import NoReferenceError, Tape, read

__all__ = ["NoReferenceError", "Tape", "read"]
