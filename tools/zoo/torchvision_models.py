"""Networks of torchvision with random weights."""

import torch

from zoo import Model

# Per name: size of the square image.
SIZES = {
    "alexnet": 224, "convnext_tiny": 64, "densenet121": 64, "efficientnet_b0": 64, "efficientnet_v2_s": 64, "googlenet": 96,
    "inception_v3": 96, "maxvit_t": 224, "mnasnet0_5": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "regnet_x_400mf": 64,
    "regnet_y_400mf": 64, "resnet18": 64, "resnet50": 64, "resnext50_32x4d": 64, "shufflenet_v2_x0_5": 64, "squeezenet1_1": 64,
    "swin_t": 64, "swin_v2_t": 64, "vgg11_bn": 64, "vit_b_32": 224, "wide_resnet50_2": 64,
    "segmentation.deeplabv3_mobilenet_v3_large": 64, "segmentation.fcn_resnet50": 64, "segmentation.lraspp_mobilenet_v3_large": 64,
    "video.r3d_18": 32, "video.mc3_18": 32, "video.r2plus1d_18": 32, "video.s3d": 64, "video.mvit_v2_s": 224, "video.swin3d_t": 64,
    "optical_flow.raft_small": 128,
    "detection.ssdlite320_mobilenet_v3_large": 320, "detection.retinanet_resnet50_fpn": 128, "detection.fcos_resnet50_fpn": 128,
    "detection.fasterrcnn_mobilenet_v3_large_320_fpn": 128,
}  # fmt: skip

NAMES = list(SIZES)
BATCH = {0: torch.export.Dim.AUTO}


def make(name: str) -> Model:
    import torchvision

    options = {"weights_backbone": None} if name.startswith(("segmentation", "detection")) else {}
    module = torchvision.models.get_model(name.rsplit(".", 1)[-1], weights=None, **options).eval()
    size = SIZES[name]
    if name.startswith("video"):
        return Model(module, lambda batch, _: ((torch.rand(batch, 3, 16, size, size),), {}), (BATCH,))
    if name.startswith("optical"):
        return Model(module, lambda batch, _: ((torch.rand(batch, 3, size, size), torch.rand(batch, 3, size, size)), {}), (BATCH, BATCH))
    if name.startswith("detection"):
        return Model(module, lambda *_: (([torch.rand(3, size, size)],), {}))
    return Model(module, lambda batch, _: ((torch.rand(batch, 3, size, size),), {}), (BATCH,))
