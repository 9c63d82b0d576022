"""Networks of many kinds with random weights: definitions of torchvision, timm and transformers, and our own.

    .deps/venv/bin/python tools/make_zoo.py .corpus/zoo [--kinds] [--family F] [--only TEXT] [--dynamic | --static]

Needs `tools/setup --corpora` for the packages. Nothing is downloaded: networks are made from configurations, small where
the definition allows it. Each is exported with the sizes of its inputs fixed, as `FAMILY.NAME`, and with a
batch and lengths that vary and a call of other sizes, as `FAMILY.NAME.dynamic`. `--kinds` makes one network
of each kind (`KINDS`), the ones that `tools/check_zoo.py` is meant to be run with often.
"""

import functools
import importlib

import torch

import corpus

FAMILIES = {
    "own": "zoo.own",
    "torchvision": "zoo.torchvision_models",
    "transformers": "zoo.transformers_models",
    "timm": "zoo.timm_models",
    "compile": "zoo.compile_models",
}

# One network per kind.
KINDS = {
    "convolutions": "torchvision.resnet50",
    "depthwise convolutions": "torchvision.mobilenet_v3_small",
    "dense connections": "torchvision.densenet121",
    "vision transformer": "timm.vit_tiny_patch16_224",
    "shifted windows": "torchvision.swin_t",
    "convolution and attention": "timm.mobilevit_xxs",
    "all-MLP vision": "timm.resmlp_12_224",
    "detection with anchors and NMS": "torchvision.detection.retinanet_resnet50_fpn",
    "detection transformer": "transformers.yolos",
    "segmentation": "torchvision.segmentation.deeplabv3_mobilenet_v3_large",
    "depth": "transformers.dpt",
    "video": "torchvision.video.r3d_18",
    "optical flow": "torchvision.optical_flow.raft_small",
    "super resolution": "transformers.swin2sr",
    "encoder language model": "transformers.bert",
    "relative attention": "transformers.deberta_v2",
    "Fourier mixing": "transformers.fnet",
    "decoder language model": "transformers.llama",
    "decoder with a cache": "transformers.llama_cached",
    "sliding window decoder": "transformers.gemma3",
    "sequence to sequence": "transformers.t5",
    "mixture of experts": "own.mixture_of_experts",
    "state space": "transformers.mamba",
    "linear recurrence": "transformers.rwkv",
    "speech encoder": "transformers.wav2vec2",
    "speech to text": "transformers.whisper",
    "image and text": "transformers.clip",
    "time series": "transformers.patchtst",
    "diffusion": "own.diffusion_unet",
    "image autoencoder": "own.vector_quantized",
    "generator": "own.generator",
    "recurrent": "own.attention_translator",
    "graph": "own.graph_attention",
    "recommendation": "own.recommender",
    "point cloud": "own.point_net",
    "spectrogram": "own.spectrogram_classifier",
    "normalizing flow": "own.coupling_flow",
    "radiance field": "own.radiance_field",
    "long convolution": "own.long_convolution",
    "reinforcement learning": "own.actor_critic",
    "quantized weights": "own.quantized_mlp",
    "loop and branch": "own.early_exit",
}


def make(family: str, name: str, dynamic: bool, decompose: bool) -> corpus.Program:
    torch.manual_seed(0)
    model = importlib.import_module(FAMILIES[family]).make(name)
    if dynamic and model.dynamic_shapes is None:
        raise ValueError("nothing of it may vary")
    args, kwargs = model.arguments(*model.sizes)
    return corpus.Program(
        model.module,
        args,
        kwargs,
        dynamic_shapes=model.dynamic_shapes if dynamic else None,
        decompose=decompose,
        alts=[corpus.Call(*model.arguments(*model.other_sizes))] if dynamic else [],
        calls=[corpus.Call(*one) for one in model.calls],
        family=family,
    )


def names(options) -> list[str]:
    if options.kinds:
        return list(KINDS.values())
    families = options.family or FAMILIES
    return [f"{family}.{name}" for family in families for name in importlib.import_module(FAMILIES[family]).NAMES]


def main() -> None:
    parser = corpus.arguments(__doc__)
    parser.add_argument("--family", choices=FAMILIES, action="append", help="only these (repeatable)")
    parser.add_argument("--kinds", action="store_true", help="one of each kind")
    parser.add_argument("--missing", action="store_true", help="only programs that are not there")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--static", action="store_true", help="only with fixed sizes")
    only.add_argument("--dynamic", action="store_true", help="only with sizes that vary")
    options = parser.parse_args()
    variants = [True] if options.dynamic else [False] if options.static else [False, True]
    jobs = [
        corpus.Job(f"{name}.dynamic" if dynamic else name, functools.partial(make, *name.split(".", 1), dynamic, options.decomposed))
        for name in names(options)
        if options.only in name
        for dynamic in variants
    ]
    if options.missing:
        jobs = [job for job in jobs if not (options.out / job.name / "meta.json").exists()]
    corpus.write_all(options.out, jobs, options.processes, limit=600.0)


if __name__ == "__main__":
    main()
