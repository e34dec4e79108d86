"""facenet-pytorch: faces found and told apart."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net


def nets() -> dict[str, Net]:
    """The nets by name."""
    from facenet_pytorch import InceptionResnetV1
    from facenet_pytorch.models import mtcnn

    return {
        "inception_resnet_v1": Net(partial(InceptionResnetV1), (3, 96, 96)),
        "inception_resnet_v1_classes": Net(
            partial(InceptionResnetV1, classify=True, num_classes=5), (3, 96, 96)
        ),
        "pnet": Net(partial(mtcnn.PNet, pretrained=False), (3, 48, 48)),
        "rnet": Net(partial(mtcnn.RNet, pretrained=False), (3, 24, 24)),
        "onet": Net(partial(mtcnn.ONet, pretrained=False), (3, 48, 48)),
    }
