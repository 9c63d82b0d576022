"""The networks whose whole compilation `benches/compare.py --compile` measures, at their usual depth."""

import torch

from zoo import Model

# A decoder in Llama's manner; narrow, as the time to compile it does not depend on the width.
LLAMA = {
    "vocab_size": 1000, "hidden_size": 256, "num_hidden_layers": 24, "num_attention_heads": 8, "num_key_value_heads": 4, "intermediate_size": 512,
    "max_position_embeddings": 512, "use_cache": False,
}  # fmt: skip


def vision(name: str) -> Model:
    import torchvision

    module = torchvision.models.get_model(name, weights=None).eval()
    return Model(module, lambda batch, _: ((torch.rand(batch, 3, 224, 224),), {}), ({0: torch.export.Dim.AUTO},), sizes=(2, 0), other_sizes=(3, 0))


def language(kind: str, sizes: dict) -> Model:
    import transformers

    from zoo import transformers_models

    transformers_models.use_plain_masks()
    network = getattr(transformers, kind)
    inputs, lengths = transformers_models.INPUTS["tokens"]
    auto = torch.export.Dim.AUTO
    shapes = {key: {0: auto, position: auto} for key, position in lengths.items()}
    module = transformers_models.Plain(network(network.config_class(**sizes)).eval())
    return Model(module, lambda batch, length: ((inputs(batch, length),), {}), (shapes,), sizes=(2, 64), other_sizes=(3, 33))


MODELS = {
    "resnet50": lambda: vision("resnet50"),
    "bert_base": lambda: language("BertModel", {}),
    "llama24": lambda: language("LlamaForCausalLM", LLAMA),
    "swin_t": lambda: vision("swin_t"),
}

NAMES = list(MODELS)


def make(name: str) -> Model:
    return MODELS[name]()
