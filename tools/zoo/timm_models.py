"""Networks of timm with random weights."""

import torch

from zoo import Model

NAMES = [
    "beit_base_patch16_224", "cait_xxs24_224", "coat_tiny", "convmixer_768_32", "convnext_atto", "crossvit_tiny_240", "cspresnet50", "davit_tiny",
    "deit_tiny_patch16_224", "dpn68", "edgenext_xx_small", "efficientformer_l1", "efficientnet_lite0", "efficientvit_b0", "fastvit_t8", "fbnetc_100",
    "gcresnext26ts", "ghostnet_100", "hardcorenas_a", "hrnet_w18_small", "inception_next_tiny", "lcnet_050", "levit_128s", "maxvit_rmlp_pico_rw_256",
    "mixer_s32_224", "mobileone_s0", "mobilevit_xxs", "mobilevitv2_050", "nfnet_l0", "pit_ti_224", "poolformer_s12", "pvt_v2_b0", "regnetz_b16",
    "repvgg_a0", "res2net50_26w_4s", "resmlp_12_224", "resnest14d", "rexnet_100", "selecsls42b", "sequencer2d_s", "skresnet18", "swinv2_cr_tiny_224",
    "tf_efficientnetv2_b0", "tinynet_e", "tiny_vit_5m_224", "tnt_s_patch16_224", "twins_svt_small", "vgg11", "visformer_tiny", "vit_tiny_patch16_224",
    "volo_d1_224", "xception41p", "xcit_nano_12_p16_224",
]  # fmt: skip


def make(name: str) -> Model:
    import timm

    module = timm.create_model(name, pretrained=False, num_classes=10).eval()
    size = module.default_cfg["input_size"]
    return Model(module, lambda batch, _: ((torch.rand(batch, *size),), {}), ({0: torch.export.Dim.AUTO},))
