"""Model definitions of other people with random weights: torchvision's, transformers' and timm's.

Needs `tools/setup --corpora`. Nothing is downloaded: networks are made from configurations, small where
the definition allows it. Used to find programs that expc does not manage, not in the test suite.
"""

import copy
import functools

import torch

import corpus

# Per name: size of the square image.
TORCHVISION = {
    "alexnet": 224, "convnext_tiny": 64, "densenet121": 64, "efficientnet_b0": 64, "efficientnet_v2_s": 64, "googlenet": 96,
    "inception_v3": 96, "maxvit_t": 224, "mnasnet0_5": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "regnet_x_400mf": 64,
    "regnet_y_400mf": 64, "resnet18": 64, "resnet50": 64, "resnext50_32x4d": 64, "shufflenet_v2_x0_5": 64, "squeezenet1_1": 64,
    "swin_t": 64, "swin_v2_t": 64, "vgg11_bn": 64, "wide_resnet50_2": 64,
    "segmentation.deeplabv3_mobilenet_v3_large": 64, "segmentation.fcn_resnet50": 64, "segmentation.lraspp_mobilenet_v3_large": 64,
    "video.r3d_18": 32, "video.mc3_18": 32, "video.s3d": 64, "optical_flow.raft_small": 128,
    "detection.ssdlite320_mobilenet_v3_large": 320, "detection.retinanet_resnet50_fpn": 128,
}  # fmt: skip

TIMM = [
    "beit_base_patch16_224", "cait_xxs24_224", "coat_tiny", "convmixer_768_32", "convnext_atto", "crossvit_tiny_240", "cspresnet50", "davit_tiny",
    "deit_tiny_patch16_224", "dpn68", "edgenext_xx_small", "efficientformer_l1", "efficientnet_lite0", "efficientvit_b0", "fastvit_t8", "fbnetc_100",
    "gcresnext26ts", "ghostnet_100", "hardcorenas_a", "hrnet_w18_small", "inception_next_tiny", "lcnet_050", "levit_128s", "maxvit_rmlp_pico_rw_256",
    "mixer_s32_224", "mobileone_s0", "mobilevit_xxs", "mobilevitv2_050", "nfnet_l0", "pit_ti_224", "poolformer_s12", "pvt_v2_b0", "regnetz_b16",
    "repvgg_a0", "res2net50_26w_4s", "resmlp_12_224", "resnest14d", "rexnet_100", "selecsls42b", "sequencer2d_s", "skresnet18", "swinv2_cr_tiny_224",
    "tf_efficientnetv2_b0", "tinynet_e", "tiny_vit_5m_224", "tnt_s_patch16_224", "twins_svt_small", "vgg11", "visformer_tiny", "vit_tiny_patch16_224",
    "volo_d1_224", "xception41p", "xcit_nano_12_p16_224",
]  # fmt: skip

# Sizes that most language models' configurations know.
SMALL = {
    "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37,
    "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
GPT = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1, "eos_token_id": 2}
IMAGE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37, "image_size": 32, "patch_size": 8}
SEQ2SEQ = {
    "vocab_size": 99, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 37, "decoder_ffn_dim": 37, "max_position_embeddings": 64, "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 1,
}  # fmt: skip

# Per name: the class, its configuration, and the kind of input.
TRANSFORMERS = {
    "albert": ("AlbertModel", {**SMALL, "embedding_size": 16}, "tokens"),
    "bart": ("BartForConditionalGeneration", SEQ2SEQ, "tokens"),
    "bert": ("BertForSequenceClassification", SMALL, "tokens"),
    "bigbird": ("BigBirdModel", {**SMALL, "attention_type": "original_full"}, "tokens"),
    "blenderbot": ("BlenderbotModel", SEQ2SEQ, "pair"),
    "bloom": ("BloomForCausalLM", {"vocab_size": 99, "hidden_size": 32, "n_layer": 2, "n_head": 4}, "tokens"),
    "camembert": ("CamembertModel", SMALL, "tokens"),
    "canine": ("CanineModel", {**SMALL, "local_transformer_stride": 8}, "tokens"),
    "clip_vision": ("CLIPVisionModel", IMAGE, "image"),
    "clip_text": ("CLIPTextModel", SMALL, "tokens"),
    "convbert": ("ConvBertModel", {**SMALL, "embedding_size": 32}, "tokens"),
    "convnext": ("ConvNextModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "image_size": 32}, "image"),
    "ctrl": ("CTRLModel", {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "dff": 37, "n_positions": 64}, "tokens"),
    "data2vec_text": ("Data2VecTextModel", SMALL, "tokens"),
    "deberta": ("DebertaModel", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, "tokens"),
    "deberta_v2": ("DebertaV2Model", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, "tokens"),
    "deit": ("DeiTModel", IMAGE, "image"),
    "dinov2": ("Dinov2Model", IMAGE, "image"),
    "distilbert": ("DistilBertModel", {"vocab_size": 99, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 37, "max_position_embeddings": 64}, "tokens"),
    "electra": ("ElectraModel", {**SMALL, "embedding_size": 16}, "tokens"),
    "ernie": ("ErnieModel", SMALL, "tokens"),
    "esm": ("EsmModel", {**SMALL, "mask_token_id": 3}, "tokens"),
    "falcon": ("FalconForCausalLM", SMALL, "tokens"),
    "fnet": ("FNetModel", SMALL, "tokens_only"),
    "gemma": ("GemmaForCausalLM", GROUPED, "tokens"),
    "gemma2": ("Gemma2ForCausalLM", GROUPED, "tokens"),
    "gemma3": ("Gemma3ForCausalLM", GROUPED, "tokens"),
    "gpt2": ("GPT2LMHeadModel", GPT, "tokens"),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", GPT, "tokens"),
    "gpt_neo": (
        "GPTNeoForCausalLM",
        {"vocab_size": 99, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 64},
        "tokens",
    ),
    "gpt_neox": ("GPTNeoXForCausalLM", SMALL, "tokens"),
    "gptj": ("GPTJForCausalLM", {**GPT, "rotary_dim": 4}, "tokens"),
    "granite": ("GraniteForCausalLM", GROUPED, "tokens"),
    "hubert": ("HubertModel", {**SMALL, "conv_dim": [16, 16], "conv_stride": [5, 4], "conv_kernel": [10, 8], "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}, "audio"),
    "layoutlm": ("LayoutLMModel", SMALL, "tokens"),
    "led_mbart": ("MBartModel", SEQ2SEQ, "pair"),
    "llama": ("LlamaForCausalLM", GROUPED, "tokens"),
    "marian": ("MarianModel", SEQ2SEQ, "pair"),
    "mamba": ("MambaForCausalLM", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}, "tokens_only"),
    "mistral": ("MistralForCausalLM", GROUPED, "tokens"),
    "mobilebert": ("MobileBertModel", {**SMALL, "embedding_size": 32, "true_hidden_size": 32, "intra_bottleneck_size": 32}, "tokens"),
    "mobilevit": ("MobileViTModel", {"image_size": 32, "hidden_sizes": [8, 12, 16], "neck_hidden_sizes": [4, 4, 8, 8, 12, 16, 32]}, "image"),
    "mpnet": ("MPNetModel", SMALL, "tokens"),
    "mpt": ("MptForCausalLM", {"vocab_size": 99, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64}, "tokens"),
    "nystromformer": ("NystromformerModel", {**SMALL, "segment_means_seq_len": 16, "num_landmarks": 8}, "tokens"),
    "olmo": ("OlmoForCausalLM", GROUPED, "tokens"),
    "opt": ("OPTForCausalLM", {**SMALL, "ffn_dim": 37, "word_embed_proj_dim": 32}, "tokens"),
    "pegasus": ("PegasusModel", SEQ2SEQ, "pair"),
    "persimmon": ("PersimmonForCausalLM", SMALL, "tokens"),
    "phi": ("PhiForCausalLM", SMALL, "tokens"),
    "phi3": ("Phi3ForCausalLM", GROUPED, "tokens"),
    "poolformer": ("PoolFormerModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}, "image"),
    "qwen2": ("Qwen2ForCausalLM", GROUPED, "tokens"),
    "qwen3": ("Qwen3ForCausalLM", GROUPED, "tokens"),
    "regnet": ("RegNetModel", {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "groups_width": 8}, "image"),
    "rembert": ("RemBertModel", {**SMALL, "input_embedding_size": 16}, "tokens"),
    "roberta": ("RobertaForMaskedLM", SMALL, "tokens"),
    "roformer": ("RoFormerModel", SMALL, "tokens"),
    "rwkv": ("RwkvModel", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "context_length": 64}, "tokens_only"),
    "segformer": ("SegformerModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 16}, "image"),
    "splinter": ("SplinterModel", SMALL, "tokens"),
    "squeezebert": ("SqueezeBertModel", {**SMALL, "embedding_size": 32, "q_groups": 2, "k_groups": 2, "v_groups": 2, "post_attention_groups": 2, "intermediate_groups": 1, "output_groups": 1}, "tokens"),
    "stablelm": ("StableLmForCausalLM", GROUPED, "tokens"),
    "starcoder2": ("Starcoder2ForCausalLM", GROUPED, "tokens"),
    "swin": ("SwinModel", {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 2], "num_heads": [2, 2], "window_size": 4}, "image"),
    "swinv2": ("Swinv2Model", {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 2], "num_heads": [2, 2], "window_size": 4}, "image"),
    "t5": ("T5Model", {"vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}, "pair"),
    "vit": ("ViTForImageClassification", IMAGE, "image"),
    "vit_mae": ("ViTMAEModel", IMAGE, "image"),
    "videomae": ("VideoMAEModel", {**IMAGE, "num_frames": 2}, "video"),
    "wav2vec2": ("Wav2Vec2Model", {**SMALL, "conv_dim": [16, 16], "conv_stride": [5, 4], "conv_kernel": [10, 8], "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}, "audio"),
    "whisper": ("WhisperModel", {**SEQ2SEQ, "num_mel_bins": 8, "max_source_positions": 16, "max_target_positions": 16}, "speech"),
    "xglm": ("XGLMModel", {"vocab_size": 99, "d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 37, "max_position_embeddings": 64}, "tokens"),
    "xlm_roberta": ("XLMRobertaModel", SMALL, "tokens"),
    "xlnet": ("XLNetModel", {"vocab_size": 99, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 37}, "tokens"),
    "yolos": ("YolosModel", {**IMAGE, "image_size": [32, 32], "num_detection_tokens": 5}, "image"),
}  # fmt: skip


def tokens() -> torch.Tensor:
    return torch.randint(3, 99, (2, 16))


def mask() -> torch.Tensor:
    ones = torch.ones(2, 16, dtype=torch.int64)
    ones[1, 12:] = 0
    return ones


INPUTS = {
    "tokens": lambda: {"input_ids": tokens(), "attention_mask": mask()},
    "tokens_only": lambda: {"input_ids": tokens()},
    "pair": lambda: {"input_ids": tokens(), "attention_mask": mask(), "decoder_input_ids": tokens()[:, :5]},
    "image": lambda: {"pixel_values": torch.rand(2, 3, 32, 32)},
    "video": lambda: {"pixel_values": torch.rand(1, 2, 3, 32, 32)},
    "audio": lambda: {"input_values": torch.randn(1, 1000)},
    "speech": lambda: {"input_features": torch.randn(1, 8, 32), "decoder_input_ids": tokens()[:1, :5]},
}


class Plain(torch.nn.Module):
    """A transformers model whose result is a plain dictionary of tensors, without caches."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, **inputs):
        found = self.model(**inputs, return_dict=True)
        return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}


def make_transformers(name: str, decompose: bool) -> corpus.Program:
    import transformers
    from transformers.integrations.executorch import sdpa_mask_without_vmap
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    # The usual mask is made with vmap, which leaves calls in the graph that PyTorch cannot save.
    ALL_MASK_ATTENTION_FUNCTIONS.register("sdpa", sdpa_mask_without_vmap)
    kind, sizes, inputs = TRANSFORMERS[name]
    torch.manual_seed(0)
    model_class = getattr(transformers, kind)
    config = model_class.config_class(**copy.deepcopy(sizes))
    config.use_cache = False
    return corpus.Program(Plain(model_class(config).eval()), (), INPUTS[inputs](), decompose=decompose, family="transformers")


def make_torchvision(name: str, decompose: bool) -> corpus.Program:
    import torchvision

    torch.manual_seed(0)
    options = {"weights_backbone": None} if name.startswith(("segmentation", "detection")) else {}
    model = torchvision.models.get_model(name.rsplit(".", 1)[-1], weights=None, **options).eval()
    size = TORCHVISION[name]
    arguments: tuple = (torch.rand(2, 3, size, size),)
    if name.startswith("video"):
        arguments = (torch.rand(1, 3, 16, size, size),)
    elif name.startswith("optical"):
        arguments = (torch.rand(1, 3, size, size), torch.rand(1, 3, size, size))
    elif name.startswith("detection"):
        arguments = ([torch.rand(3, size, size)],)
    return corpus.Program(model, arguments, decompose=decompose, family="torchvision")


def make_timm(name: str, decompose: bool) -> corpus.Program:
    import timm

    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, num_classes=10).eval()
    size = model.default_cfg["input_size"]
    return corpus.Program(model, (torch.rand(1, *size),), decompose=decompose, family="timm")


FAMILIES = {"transformers": (TRANSFORMERS, make_transformers), "torchvision": (TORCHVISION, make_torchvision), "timm": (TIMM, make_timm)}


def main() -> None:
    parser = corpus.arguments(__doc__)
    parser.add_argument("--family", choices=FAMILIES, action="append", help="only these (repeatable)")
    options = parser.parse_args()
    jobs = [
        corpus.Job(f"{family}.{name}", functools.partial(make, name, options.decomposed))
        for family, (names, make) in FAMILIES.items()
        if not options.family or family in options.family
        for name in names
        if options.only in f"{family}.{name}"
    ]
    corpus.write_all(options.out, jobs, options.processes, limit=600.0)


if __name__ == "__main__":
    main()
