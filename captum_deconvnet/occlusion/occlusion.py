"""``Occlusion``: Captum's class, with less work: only what can differ is recomputed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from captum_deconvnet.attribution.captum_compat import (
    BaselineType,
    NullProgress,
    PerturbationAttribution,
    Synchronous,
    TargetType,
    TensorOrTupleOfTensorsGeneric,
    format_additional_forward_args,
    format_input_baseline,
    format_output,
    format_sliding_window_shapes,
    format_strides,
    is_tuple,
    log_usage,
    progress,
)
from captum_deconvnet.attribution.deconvnet import as_tensors
from captum_deconvnet.attribution.selected_call import SelectedCall
from captum_deconvnet.engine.checks import check_initialised, require_module
from captum_deconvnet.engine.output import OutputName
from captum_deconvnet.errors import WindowError
from captum_deconvnet.occlusion.maps import OcclusionReport, check_method
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.window_grid import Grid, WindowTotals, sliding
from captum_deconvnet.occlusion.windowed_model import WindowedModel
from captum_deconvnet.pictures.fills import Fill, filled
from captum_deconvnet.short_repr import named_repr


class Occlusion(Synchronous, PerturbationAttribution):  # type: ignore[misc]
    r"""How much the output falls when a window of the input is covered (Zeiler & Fergus 2014, 4.2).

    Drop-in for :class:`captum.attr.Occlusion`, with the same values. Where Captum runs the whole
    model for every window, this keeps the activations of the clean input and recomputes only the
    region that the window can reach, batched over windows; where an operation mixes all
    positions the rest of the model runs whole. Two differences: the type of the output is kept
    (Captum turns float64 into float32), and NaN is refused.

    Args:
        forward_func: a model, or any function of the inputs. Only modules and their methods are
            recomputed in part, unless ``method`` says so: a function may do what cannot be seen.
        method: ``"incremental"``, ``"dense"`` (as Captum), or ``"auto"``, which measures both.
        memory_budget: bytes that the windows going through together may take.
        output: which output is explained, by key, attribute or index, where the model gives
            several tensors.

    Attributes:
        report: how the last call was worked out, an :class:`OcclusionReport`.

    Raises:
        UnknownNameError: for an unknown ``method``.
        NotAModuleError: for what is neither a module nor a function.
    """

    def __init__(
        self,
        forward_func: Callable[..., Any],
        *,
        method: str = "auto",
        memory_budget: int = 2**30,
        output: OutputName | None = None,
    ) -> None:
        """Attribute to the inputs of ``forward_func``."""
        if not callable(forward_func):
            require_module(forward_func)
        PerturbationAttribution.__init__(self, forward_func)
        self.method = check_method(method)
        self.memory_budget, self.output = memory_budget, output
        self.report: OcclusionReport | None = None

    def __repr__(self) -> str:
        """The model or function, and how it is run."""
        return named_repr(self, self.forward_func, method=self.method)

    @log_usage(part_of_slo=True)  # type: ignore[untyped-decorator]
    def attribute(
        self,
        inputs: TensorOrTupleOfTensorsGeneric,
        sliding_window_shapes: tuple[int, ...] | tuple[tuple[int, ...], ...],
        strides: int | tuple[int, ...] | tuple[int | tuple[int, ...], ...] | None = None,
        baselines: BaselineType | Fill = None,
        target: TargetType = None,
        additional_forward_args: Any = None,
        perturbations_per_eval: int | None = None,
        show_progress: bool = False,
    ) -> TensorOrTupleOfTensorsGeneric:
        r"""Cover each window in turn and note how much the output falls.

        Args:
            inputs: a batch (N, C, H, W), or a tuple of inputs with N first.
            sliding_window_shapes: the window without the batch: (C, h, w); one an input.
            strides: how far it moves: None for 1, an int for all dimensions, or one a dimension.
            baselines: what the window is covered with: None for 0, a number, a tensor that
                broadcasts to the input, or a tuple of these, as Captum has it; also ``"mean"``,
                ``"blur"``, a list of one number a channel, or a function of the input.
            target: which output, in all forms that Captum takes.
            additional_forward_args: further arguments of the model, one or a tuple.
            perturbations_per_eval: at most this many windows go through together; None for what
                is fastest (1 for functions that are not modules, as Captum).
            show_progress: show a bar on stderr.

        Returns:
            The fall of the output, averaged over the windows that cover a place; of the shape and
            form of ``inputs``, in the type of the output.

        Raises:
            InputError: for inputs that are no tensors; it is an AssertionError, as Captum has it.
            WindowError: for windows and strides that do not fit; it is an AssertionError, as Captum
                has it.
            FillError: for baselines that do not fit the input.
            NonFiniteError: if the output is NaN or infinite.
            TrainModeError: for a batch norm in train mode, naming it.
            ModelError: for a model whose outputs depend on the other images of the batch, whose
                lazy layers have not run, or that gives several tensors.
            TargetError: for a target that the output does not have, or that picks a map of it.
            UnsupportedOperationError: with ``method="incremental"``, if the model cannot be traced.

        Example:
            >>> import torch, captum_deconvnet as cdn
            >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(),
            ...                           torch.nn.Flatten(), torch.nn.Linear(8 * 36, 5)).eval()
            >>> occlusion = cdn.Occlusion(net)
            >>> occlusion.attribute(torch.rand(2, 3, 8, 8), (3, 4, 4), (3, 2, 2), target=1).shape
            torch.Size([2, 3, 8, 8])
        """
        plain = _as_captum_has_them(baselines, as_tensors(inputs))
        given, covers = format_input_baseline(inputs, plain)
        grids = _grids(given, sliding_window_shapes, strides)
        _check_count(perturbations_per_eval)
        additional = format_additional_forward_args(additional_forward_args)
        call = SelectedCall(self.forward_func, target, additional, self.output)
        if call.module is not None:
            check_initialised(call.module)
        if not len(given[0]):
            self.report = OcclusionReport("dense", "there is no image", 0)
            return format_output(is_tuple(inputs), tuple(map(torch.zeros_like, given)))
        with torch.no_grad():
            model = WindowedModel(
                call,
                Occluder([tensor.detach() for tensor in given], covers),
                grids,
                method=self.method,
                most=perturbations_per_eval,
                memory_budget=self.memory_budget,
            )
            totals = WindowTotals(call.select(model.clean[0], 1), given, grids)
            self._run(model, totals, show_progress=show_progress)
        self.report = model.report
        return format_output(is_tuple(inputs), totals.attributions())

    def _run(self, model: WindowedModel, totals: WindowTotals, *, show_progress: bool) -> None:
        """Run all windows, and add up what each did."""
        shown = {"desc": f"{self.get_name()} attribution", "total": model.count + 1}
        bar = progress(**shown) if show_progress else NullProgress()
        with bar:
            bar.update(1)
            for windows, (outputs, *_) in model.outputs():
                totals.add(windows, model.call.select(outputs, len(windows)))
                bar.update(len(windows))


def _as_captum_has_them(baselines: Any, inputs: tuple[Tensor, ...]) -> Any:
    """Baselines as numbers and tensors: names, lists and functions become what they say."""
    several = baselines if isinstance(baselines, tuple) else (baselines,)
    found = tuple(
        filled(each, given, None) if isinstance(each, str | list) or callable(each) else each
        for each, given in zip(several, inputs, strict=False)
    )
    if len(several) > len(inputs):
        return baselines
    return found if isinstance(baselines, tuple) else found[0]


def _grids(inputs: tuple[Tensor, ...], sizes: Any, strides: Any) -> list[Grid]:
    """Where the windows are; bad ones are refused as Captum does."""
    strides = format_strides(strides, inputs)
    sizes = format_sliding_window_shapes(sizes, inputs)
    grids = sliding([tensor.shape[1:] for tensor in inputs], sizes, strides)
    for grid in grids:
        _check(grid)
    return grids


def _check(grid: Grid) -> None:
    axes = list(zip(grid.shape, grid.size, grid.strides, strict=True))
    if any(size > length for length, size, _ in axes):
        raise WindowError(
            f"Sliding window dimensions {grid.size} cannot exceed input dimensions {grid.shape}."
        )
    if any(stride < 1 or size < 1 for _, size, stride in axes):
        raise WindowError(
            f"Window {grid.size} and stride {grid.strides} must be at least 1 in every dimension."
        )
    if any(stride > size for length, size, stride in axes if size < length):
        raise WindowError(
            f"Stride dimension {grid.strides} cannot be larger than sliding window shape "
            f"dimension {grid.size}."
        )


def _check_count(count: Any) -> None:
    if count is not None and (not isinstance(count, int) or count < 1):
        raise WindowError("Perturbations per evaluation must be an integer and at least 1.")
