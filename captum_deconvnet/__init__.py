"""Zeiler-Fergus deconvnet projections for Captum, on any torchvision or timm conv net.

Each public name is imported when it is first used; ``__init__.pyi`` lists them.
"""

from captum_deconvnet.lazy_names import lazy_names
from captum_deconvnet.pictures.plotting import import_matplotlib

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_names(__name__, before=import_matplotlib)
