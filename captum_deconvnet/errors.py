"""Every error a user of this package can meet, each with one clear line to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CaptumDeconvnetError(Exception):
    """The base of every error this package raises for bad input."""


class UnknownNameError(CaptumDeconvnetError, KeyError):
    """A model, layer, rule or option of that name does not exist."""

    def __str__(self) -> str:
        """The message as it is: a KeyError would put it in quotation marks."""
        return Exception.__str__(self)


class UnsupportedOperationError(CaptumDeconvnetError, RuntimeError):
    """An operation on the way to the input has no projection rule (``strict=True``)."""


class TrainModeError(CaptumDeconvnetError, RuntimeError):
    """A batch norm in train mode mixes the images of a batch and cannot be projected."""


class InferenceModeError(CaptumDeconvnetError, RuntimeError):
    """Tensors made under ``torch.inference_mode`` cannot be projected."""


class NonFiniteError(CaptumDeconvnetError, ValueError):
    """An input, weight or activation is NaN or infinite."""


class UnderflowWarning(UserWarning):
    """A projection is too small for its type: its picture is empty or has lost digits."""


class UnitError(CaptumDeconvnetError, IndexError):
    """A unit lies outside its feature map, its batch or its layer."""


class LayerError(CaptumDeconvnetError, ValueError):
    """A layer exists but cannot be used as asked: not run, or not one tensor."""


class UnknownLayerError(UnknownNameError, LayerError):
    """A layer is not in the model, or not among those that were recorded, scanned or measured."""


class LayerChoiceError(LayerError, AttributeError):
    """There are several layers, and an attribute was asked for that only one layer has."""


class ModelError(CaptumDeconvnetError, ValueError, RuntimeError):
    """A model cannot be used as asked: no convolution, a wrong input, not a module."""


class NotAModuleError(ModelError, AssertionError, TypeError):
    """Something else was given where a model was expected."""


class OutputChoiceError(ModelError, AssertionError):
    """A model gives several tensors and none was chosen, or what was chosen is not there."""


class RenamedArgumentError(CaptumDeconvnetError, TypeError):
    """An argument was given by a name that it no longer has."""


class RecordingError(CaptumDeconvnetError, TypeError):
    """A recording cannot be pickled."""


class BudgetError(CaptumDeconvnetError, MemoryError):
    """One unit alone needs more memory than it may take."""


class TransformError(CaptumDeconvnetError, ValueError):
    """A transform of images, or a value of it, cannot be used as asked."""


class FillError(ModelError, TransformError):
    """What is to cover an image, or to come in from outside it, does not fit it."""


class TargetError(UnitError, AssertionError):
    """The model has no output of that number, or a target does not pick one output an image.

    It is a UnitError, since an output is a unit of the last layer.
    """


class SelectorError(CaptumDeconvnetError, IndexError, AssertionError):
    """A neuron selector does not pick one neuron, or one number, of each image."""


class WeightsError(CaptumDeconvnetError, RuntimeError):
    """Weights could not be found, downloaded, read or fitted to the model."""


class ImageError(CaptumDeconvnetError, ValueError):
    """A file is not an image, or an image does not fit the model."""


class InputError(ModelError, ImageError, AssertionError, TypeError):
    """What was given as inputs is no tensor, or has not the dimensions of a batch of images."""


class WindowError(ImageError, AssertionError):
    """An occluding window, its stride, or how many go together, cannot be used as asked."""


class OutputError(CaptumDeconvnetError, OSError):
    """Results cannot be written where they are to go."""


class MissingPackageError(CaptumDeconvnetError, ImportError):
    """A package that an extra brings is not installed."""


class ScanError(CaptumDeconvnetError, ValueError):
    """A saved scan is damaged, or is of something else than what it is to go on with."""


class DataError(CaptumDeconvnetError, ValueError):
    """A data set is missing, damaged, or cannot be learned from."""


class TrainingError(CaptumDeconvnetError, RuntimeError):
    """A training run is doomed, or cannot be taken up again as asked."""


class ResultsError(CaptumDeconvnetError, ValueError):
    """A file of results is damaged, or its results are not of this run."""


class SpecError(CaptumDeconvnetError, ValueError):
    """What a benchmark is to run over cannot be understood, or does not fit together."""


def near_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The ``count`` known names nearest to ``name``, best first; may be empty."""
    return difflib.get_close_matches(name, list(known), n=count, cutoff=0.3)


def unknown_name(kind: str, name: str, known: Iterable[str], hint: str = "") -> UnknownNameError:
    """The error for an unknown ``name``, naming its nearest neighbours."""
    near = near_names(name, known)
    nearest = f" Nearest: {', '.join(near)}." if near else ""
    return UnknownNameError(f"Unknown {kind} {name!r}.{nearest}{' ' + hint if hint else ''}")


def unknown_layer(kind: str, name: str, known: Iterable[str], hint: str = "") -> UnknownLayerError:
    """The error for an unknown layer, naming its nearest neighbours."""
    return UnknownLayerError(str(unknown_name(kind, name, known, hint)))
