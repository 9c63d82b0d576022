"""Networks of transformers, made from small configurations with random weights."""

import copy

import torch

from zoo import Model

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

WAVES = {
    **SMALL, "conv_dim": [16, 16], "conv_stride": [5, 4], "conv_kernel": [10, 8], "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}  # fmt: skip

# Per name: the class, its configuration, and the kind of input.
MODELS = {
    "albert": ("AlbertModel", {**SMALL, "embedding_size": 16}, "tokens"),
    "ast": ("ASTModel", {**IMAGE, "max_length": 32, "num_mel_bins": 16, "patch_size": 4, "frequency_stride": 4, "time_stride": 4}, "spectrogram"),
    "bamba": ("BambaForCausalLM", {**GROUPED, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 4, "mamba_chunk_size": 8, "attn_layer_indices": [1]}, "tokens_only"),
    "bart": ("BartForConditionalGeneration", SEQ2SEQ, "tokens"),
    "beit": ("BeitModel", IMAGE, "image"),
    "bert": ("BertForSequenceClassification", SMALL, "tokens"),
    "bigbird": ("BigBirdModel", {**SMALL, "attention_type": "original_full"}, "tokens"),
    "bit": ("BitModel", {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_groups": 4}, "image"),
    "blenderbot": ("BlenderbotModel", SEQ2SEQ, "pair"),
    "bloom": ("BloomForCausalLM", {"vocab_size": 99, "hidden_size": 32, "n_layer": 2, "n_head": 4}, "tokens"),
    "camembert": ("CamembertModel", SMALL, "tokens"),
    "canine": ("CanineModel", {**SMALL, "local_transformer_stride": 8}, "tokens"),
    "clip": ("CLIPModel", {"text_config": SMALL, "vision_config": IMAGE, "projection_dim": 16}, "image_and_text"),
    "clip_text": ("CLIPTextModel", SMALL, "tokens"),
    "clip_vision": ("CLIPVisionModel", IMAGE, "image"),
    "convbert": ("ConvBertModel", {**SMALL, "embedding_size": 32}, "tokens"),
    "convnext": ("ConvNextModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "image_size": 32}, "image"),
    "ctrl": ("CTRLModel", {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "dff": 37, "n_positions": 64}, "tokens"),
    "cvt": ("CvtModel", {"embed_dim": [8, 16, 24], "num_heads": [1, 2, 3], "depth": [1, 1, 1]}, "image"),
    "data2vec_text": ("Data2VecTextModel", SMALL, "tokens"),
    "deberta": ("DebertaModel", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, "tokens"),
    "deberta_v2": ("DebertaV2Model", {**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, "tokens"),
    "decision_transformer": ("DecisionTransformerModel", {"state_dim": 5, "act_dim": 3, "hidden_size": 32, "n_layer": 2, "n_head": 4, "max_ep_len": 64}, "decisions"),
    "deepseek_v3": ("DeepseekV3ForCausalLM", {**SMALL, "num_key_value_heads": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "kv_lora_rank": 8, "q_lora_rank": 8, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8, "first_k_dense_replace": 1, "moe_intermediate_size": 16}, "tokens"),
    "deit": ("DeiTModel", IMAGE, "image"),
    "dinov2": ("Dinov2Model", IMAGE, "image"),
    "distilbert": ("DistilBertModel", {"vocab_size": 99, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 37, "max_position_embeddings": 64}, "tokens"),
    "dpt": ("DPTForDepthEstimation", {**IMAGE, "num_hidden_layers": 4, "neck_hidden_sizes": [8, 8, 8, 8], "fusion_hidden_size": 8, "backbone_out_indices": [0, 1, 2, 3]}, "image"),
    "efficientnet": ("EfficientNetModel", {"image_size": 32, "width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 32}, "image"),
    "electra": ("ElectraModel", {**SMALL, "embedding_size": 16}, "tokens"),
    "encodec": ("EncodecModel", {"num_filters": 4, "hidden_size": 16, "codebook_size": 16, "codebook_dim": 16, "num_lstm_layers": 1, "upsampling_ratios": [4, 2], "target_bandwidths": [24.0]}, "waveform"),
    "ernie": ("ErnieModel", SMALL, "tokens"),
    "esm": ("EsmModel", {**SMALL, "mask_token_id": 3}, "tokens"),
    "falcon": ("FalconForCausalLM", SMALL, "tokens"),
    "falcon_mamba": ("FalconMambaForCausalLM", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}, "tokens_only"),
    "fnet": ("FNetModel", SMALL, "tokens_only"),
    "focalnet": ("FocalNetModel", {"image_size": 32, "patch_size": 2, "embed_dim": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "focal_levels": [2, 2], "focal_windows": [3, 3]}, "image"),
    "funnel": ("FunnelModel", {"vocab_size": 99, "d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 37, "block_sizes": [1, 1]}, "tokens"),
    "gemma": ("GemmaForCausalLM", GROUPED, "tokens"),
    "gemma2": ("Gemma2ForCausalLM", GROUPED, "tokens"),
    "gemma3": ("Gemma3ForCausalLM", GROUPED, "tokens"),
    "glpn": ("GLPNForDepthEstimation", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 16}, "image"),
    "gpt2": ("GPT2LMHeadModel", GPT, "tokens"),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", GPT, "tokens"),
    "gpt_neo": ("GPTNeoForCausalLM", {"vocab_size": 99, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 64}, "tokens"),
    "gpt_neox": ("GPTNeoXForCausalLM", SMALL, "tokens"),
    "gpt_oss": ("GptOssForCausalLM", {**GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2}, "tokens"),
    "gptj": ("GPTJForCausalLM", {**GPT, "rotary_dim": 4}, "tokens"),
    "granite": ("GraniteForCausalLM", GROUPED, "tokens"),
    "granitemoe": ("GraniteMoeForCausalLM", {**GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2}, "tokens"),
    "groupvit_vision": ("GroupViTVisionModel", {**IMAGE, "depths": [1, 1, 1], "num_group_tokens": [8, 4, 0], "num_output_groups": [8, 4, 0]}, "image"),
    "hiera": ("HieraModel", {"embed_dim": 8, "image_size": [32, 32], "patch_size": [3, 3], "patch_stride": [2, 2], "patch_padding": [1, 1], "depths": [1, 1], "num_heads": [1, 2], "query_stride": [2, 2], "masked_unit_size": [4, 4], "num_query_pool": 1}, "image"),
    "hubert": ("HubertModel", WAVES, "audio"),
    "ibert": ("IBertModel", {**SMALL, "quant_mode": True}, "tokens"),
    "imagegpt": ("ImageGPTModel", GPT, "tokens_only"),
    "informer": ("InformerModel", {"prediction_length": 4, "context_length": 12, "input_size": 1, "num_time_features": 2, "lags_sequence": [1, 2], "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "distil": False}, "series_features"),
    "layoutlm": ("LayoutLMModel", SMALL, "tokens"),
    "llama": ("LlamaForCausalLM", GROUPED, "tokens"),
    "llama4_text": ("Llama4ForCausalLM", {**GROUPED, "intermediate_size_mlp": 37, "num_local_experts": 4, "num_experts_per_tok": 1, "interleave_moe_layer_step": 1, "attention_chunk_size": 16}, "tokens"),
    "longformer": ("LongformerModel", {**SMALL, "attention_window": 8}, "tokens"),
    "lxmert": ("LxmertModel", {"vocab_size": 99, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 37, "l_layers": 1, "x_layers": 1, "r_layers": 1, "visual_feat_dim": 12}, "regions"),
    "mamba": ("MambaForCausalLM", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}, "tokens_only"),
    "mamba2": ("Mamba2ForCausalLM", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4, "num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 8}, "tokens_only"),
    "marian": ("MarianModel", SEQ2SEQ, "pair"),
    "mbart": ("MBartModel", SEQ2SEQ, "pair"),
    "mistral": ("MistralForCausalLM", GROUPED, "tokens"),
    "mixtral": ("MixtralForCausalLM", {**GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2}, "tokens"),
    "mobilebert": ("MobileBertModel", {**SMALL, "embedding_size": 32, "true_hidden_size": 32, "intra_bottleneck_size": 32}, "tokens"),
    "mobilevit": ("MobileViTModel", {"image_size": 32, "hidden_sizes": [8, 12, 16], "neck_hidden_sizes": [4, 4, 8, 8, 12, 16, 32]}, "image"),
    "modernbert": ("ModernBertModel", {**SMALL, "local_attention": 8}, "tokens"),
    "moonshine": ("MoonshineModel", {**SMALL, "encoder_num_hidden_layers": 1, "decoder_num_hidden_layers": 1, "encoder_num_attention_heads": 4, "decoder_num_attention_heads": 4}, "speech_samples"),
    "mpnet": ("MPNetModel", SMALL, "tokens"),
    "mpt": ("MptForCausalLM", {"vocab_size": 99, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64}, "tokens"),
    "nemotron": ("NemotronForCausalLM", GROUPED, "tokens"),
    "nystromformer": ("NystromformerModel", {**SMALL, "segment_means_seq_len": 16, "num_landmarks": 8}, "tokens"),
    "olmo": ("OlmoForCausalLM", GROUPED, "tokens"),
    "opt": ("OPTForCausalLM", {**SMALL, "ffn_dim": 37, "word_embed_proj_dim": 32}, "tokens"),
    "patchtsmixer": ("PatchTSMixerModel", {"context_length": 32, "patch_length": 8, "patch_stride": 8, "num_input_channels": 3, "d_model": 8, "num_layers": 2}, "series"),
    "patchtst": ("PatchTSTModel", {"context_length": 32, "patch_length": 8, "patch_stride": 8, "num_input_channels": 3, "d_model": 16, "num_attention_heads": 2, "num_hidden_layers": 2, "ffn_dim": 16}, "series"),
    "pegasus": ("PegasusModel", SEQ2SEQ, "pair"),
    "perceiver": ("PerceiverModel", {"d_model": 32, "d_latents": 16, "num_latents": 8, "num_self_attends_per_block": 2, "num_cross_attention_heads": 4, "num_self_attention_heads": 4}, "embedded"),
    "persimmon": ("PersimmonForCausalLM", SMALL, "tokens"),
    "phi": ("PhiForCausalLM", SMALL, "tokens"),
    "phi3": ("Phi3ForCausalLM", GROUPED, "tokens"),
    "poolformer": ("PoolFormerModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}, "image"),
    "prophetnet": ("ProphetNetModel", {"vocab_size": 99, "hidden_size": 32, "num_encoder_layers": 1, "num_decoder_layers": 1, "num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4, "encoder_ffn_dim": 37, "decoder_ffn_dim": 37, "max_position_embeddings": 64, "ngram": 2}, "pair"),
    "pvt": ("PvtModel", {"image_size": 32, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]}, "image"),
    "qwen2": ("Qwen2ForCausalLM", GROUPED, "tokens"),
    "qwen2_moe": ("Qwen2MoeForCausalLM", {**GROUPED, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16}, "tokens"),
    "qwen3": ("Qwen3ForCausalLM", GROUPED, "tokens"),
    "recurrent_gemma": ("RecurrentGemmaForCausalLM", {**SMALL, "num_key_value_heads": 1, "head_dim": 8, "lru_width": 32, "block_types": ["recurrent", "attention"], "attention_window_size": 16}, "tokens_only"),
    "reformer": ("ReformerModel", {"vocab_size": 99, "hidden_size": 32, "num_attention_heads": 2, "attention_head_size": 16, "attn_layers": ["local", "local"], "feed_forward_size": 37, "axial_pos_shape": [4, 4], "axial_pos_embds_dim": [16, 16], "local_attn_chunk_length": 4, "is_decoder": False, "max_position_embeddings": 16}, "tokens_only"),
    "regnet": ("RegNetModel", {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "groups_width": 8}, "image"),
    "rembert": ("RemBertModel", {**SMALL, "input_embedding_size": 16}, "tokens"),
    "resnet": ("ResNetModel", {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}, "image"),
    "roberta": ("RobertaForMaskedLM", SMALL, "tokens"),
    "roberta_prelayernorm": ("RobertaPreLayerNormModel", SMALL, "tokens"),
    "roformer": ("RoFormerModel", SMALL, "tokens"),
    "rwkv": ("RwkvModel", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "context_length": 64}, "tokens_only"),
    "sam_vision": ("SamVisionModel", {**IMAGE, "output_channels": 8, "window_size": 2, "global_attn_indexes": [1], "num_pos_feats": 4}, "image"),
    "segformer": ("SegformerModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 16}, "image"),
    "siglip_vision": ("SiglipVisionModel", IMAGE, "image"),
    "speech_to_text": ("Speech2TextModel", {**SEQ2SEQ, "input_feat_per_channel": 8, "input_channels": 1, "conv_channels": 16, "max_source_positions": 64, "max_target_positions": 64}, "speech_frames"),
    "splinter": ("SplinterModel", SMALL, "tokens"),
    "squeezebert": ("SqueezeBertModel", {**SMALL, "embedding_size": 32, "q_groups": 2, "k_groups": 2, "v_groups": 2, "post_attention_groups": 2, "intermediate_groups": 1, "output_groups": 1}, "tokens"),
    "stablelm": ("StableLmForCausalLM", GROUPED, "tokens"),
    "starcoder2": ("Starcoder2ForCausalLM", GROUPED, "tokens"),
    "superpoint": ("SuperPointForKeypointDetection", {"encoder_hidden_sizes": [8, 8, 16, 16], "decoder_hidden_size": 16, "keypoint_decoder_dim": 65, "descriptor_decoder_dim": 16}, "image"),
    "swiftformer": ("SwiftFormerModel", {"image_size": 32, "depths": [1, 1, 1, 1], "embed_dims": [8, 16, 24, 32]}, "image"),
    "swin": ("SwinModel", {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 2], "num_heads": [2, 2], "window_size": 4}, "image"),
    "swin2sr": ("Swin2SRForImageSuperResolution", {"image_size": 32, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "upscale": 2}, "image"),
    "swinv2": ("Swinv2Model", {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 2], "num_heads": [2, 2], "window_size": 4}, "image"),
    "switch": ("SwitchTransformersModel", {"vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4, "num_experts": 2, "decoder_start_token_id": 0}, "pair"),
    "t5": ("T5Model", {"vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 37, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}, "pair"),
    "time_series": ("TimeSeriesTransformerModel", {"prediction_length": 4, "context_length": 12, "input_size": 1, "num_time_features": 2, "lags_sequence": [1, 2], "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}, "series_features"),
    "timesformer": ("TimesformerModel", {**IMAGE, "num_frames": 2}, "video"),
    "trocr": ("TrOCRForCausalLM", {"vocab_size": 99, "d_model": 32, "decoder_layers": 2, "decoder_attention_heads": 4, "decoder_ffn_dim": 37, "max_position_embeddings": 64}, "tokens"),
    "videomae": ("VideoMAEModel", {**IMAGE, "num_frames": 2}, "video"),
    "vilt": ("ViltModel", {**SMALL, **IMAGE}, "image_and_text"),
    "visual_bert": ("VisualBertModel", {**SMALL, "visual_embedding_dim": 12}, "tokens"),
    "vit": ("ViTForImageClassification", IMAGE, "image"),
    "vit_mae": ("ViTMAEModel", IMAGE, "image"),
    "vitdet": ("VitDetModel", {**IMAGE, "pretrain_image_size": 32}, "image"),
    "vits": ("VitsModel", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 37, "upsample_initial_channel": 16, "upsample_rates": [4, 4], "upsample_kernel_sizes": [8, 8], "prior_encoder_num_flows": 1, "posterior_encoder_num_wavenet_layers": 2, "prior_encoder_num_wavenet_layers": 2, "flow_size": 32, "spectrogram_bins": 17}, "tokens"),
    "vivit": ("VivitModel", {**IMAGE, "num_frames": 2, "tubelet_size": [2, 8, 8]}, "video"),
    "wav2vec2": ("Wav2Vec2Model", WAVES, "audio"),
    "wav2vec2_conformer": ("Wav2Vec2ConformerModel", WAVES, "audio"),
    "wavlm": ("WavLMModel", WAVES, "audio"),
    "whisper": ("WhisperModel", {**SEQ2SEQ, "num_mel_bins": 8, "max_source_positions": 16, "max_target_positions": 16}, "speech"),
    "xglm": ("XGLMModel", {"vocab_size": 99, "d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 37, "max_position_embeddings": 64}, "tokens"),
    "xlm_roberta": ("XLMRobertaModel", SMALL, "tokens"),
    "xlnet": ("XLNetModel", {"vocab_size": 99, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 37}, "tokens"),
    "xlstm": ("xLSTMForCausalLM", {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_heads": 2, "chunk_size": 8}, "tokens_only"),
    "yolos": ("YolosModel", {**IMAGE, "image_size": [32, 32], "num_detection_tokens": 5}, "image"),
    "yoso": ("YosoModel", {**SMALL, "use_expectation": True}, "tokens"),
    "zamba2": ("Zamba2ForCausalLM", {**SMALL, "num_key_value_heads": 4, "mamba_d_state": 4, "n_mamba_heads": 8, "mamba_headdim": 8, "chunk_size": 8, "layers_block_type": ["mamba", "hybrid"], "use_mem_rope": False}, "tokens_only"),
}  # fmt: skip



# Decoders that keep their keys and values in buffers, and write one position of them in each call.
CACHED = ["gemma", "gpt_neox", "llama", "mistral", "olmo", "phi3", "qwen2", "qwen3", "stablelm", "starcoder2"]

NAMES = [*MODELS, *(f"{name}_cached" for name in CACHED)]


def tokens(batch: int, length: int) -> torch.Tensor:
    return torch.randint(3, 99, (batch, length))


def mask(batch: int, length: int) -> torch.Tensor:
    """All positions but the last quarter of the last row."""
    ones = torch.ones(batch, length, dtype=torch.int64)
    ones[-1, length * 3 // 4 :] = 0
    return ones


def series_features(batch: int, _: int) -> dict:
    """Past values with as many more as the largest lag, and the features of the time of day."""
    return {
        "past_values": torch.randn(batch, 14),
        "past_time_features": torch.randn(batch, 14, 2),
        "past_observed_mask": torch.ones(batch, 14),
        "future_values": torch.randn(batch, 4),
        "future_time_features": torch.randn(batch, 4, 2),
    }


def decisions(batch: int, length: int) -> dict:
    return {
        "states": torch.randn(batch, length, 5),
        "actions": torch.randn(batch, length, 3),
        "rewards": torch.randn(batch, length, 1),
        "returns_to_go": torch.randn(batch, length, 1),
        "timesteps": torch.arange(length).expand(batch, length).contiguous(),
        "attention_mask": torch.ones(batch, length, dtype=torch.int64),
    }


# Per kind of input: the arguments for a batch and a length, and by name the dimensions beside the batch that follow the length.
INPUTS = {
    "tokens": (lambda b, n: {"input_ids": tokens(b, n), "attention_mask": mask(b, n)}, {"input_ids": 1, "attention_mask": 1}),
    "tokens_only": (lambda b, n: {"input_ids": tokens(b, n)}, {"input_ids": 1}),
    "pair": (
        lambda b, n: {"input_ids": tokens(b, n), "attention_mask": mask(b, n), "decoder_input_ids": tokens(b, n // 2)},
        {"input_ids": 1, "attention_mask": 1, "decoder_input_ids": 1},
    ),
    "image": (lambda b, _: {"pixel_values": torch.rand(b, 3, 32, 32)}, {}),
    "image_and_text": (lambda b, n: {"pixel_values": torch.rand(b, 3, 32, 32), "input_ids": tokens(b, n), "attention_mask": mask(b, n)}, {"input_ids": 1, "attention_mask": 1}),
    "video": (lambda b, _: {"pixel_values": torch.rand(b, 2, 3, 32, 32)}, {}),
    "audio": (lambda b, n: {"input_values": torch.randn(b, 60 * n)}, {"input_values": 1}),
    "waveform": (lambda b, n: {"input_values": torch.randn(b, 1, 32 * n)}, {}),
    "speech_samples": (lambda b, n: {"input_values": torch.randn(b, 160 * n), "decoder_input_ids": tokens(b, 5)}, {}),
    "spectrogram": (lambda b, _: {"input_values": torch.randn(b, 32, 16)}, {}),
    "speech": (lambda b, n: {"input_features": torch.randn(b, 8, 32), "decoder_input_ids": tokens(b, n // 2)}, {"decoder_input_ids": 1}),
    "speech_frames": (lambda b, n: {"input_features": torch.randn(b, 32, 8), "decoder_input_ids": tokens(b, n // 2)}, {"decoder_input_ids": 1}),
    "series": (lambda b, _: {"past_values": torch.randn(b, 32, 3)}, {}),
    "series_features": (series_features, {}),
    "decisions": (decisions, {name: 1 for name in decisions(1, 2)}),
    "embedded": (lambda b, n: {"inputs": torch.randn(b, n, 32)}, {"inputs": 1}),
    "regions": (lambda b, n: {"input_ids": tokens(b, n), "visual_feats": torch.randn(b, 6, 12), "visual_pos": torch.rand(b, 6, 4)}, {"input_ids": 1}),
}  # fmt: skip


class Plain(torch.nn.Module):
    """A model whose argument and result are plain dictionaries of tensors, without caches.

    Not keyword arguments: PyTorch does not take dynamic shapes for `**inputs`.
    """

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, inputs):
        found = self.model(**inputs, return_dict=True)
        return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}


def use_plain_masks() -> None:
    """The usual mask is made with vmap, which leaves calls in the graph that PyTorch cannot save."""
    from transformers.integrations.executorch import sdpa_mask_without_vmap
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    ALL_MASK_ATTENTION_FUNCTIONS.register("sdpa", sdpa_mask_without_vmap)


def model_of(name: str):
    """The network, and the kind of its input."""
    import transformers

    use_plain_masks()
    kind, sizes, inputs = MODELS[name]
    model_class = getattr(transformers, kind)
    return model_class(model_class.config_class(**copy.deepcopy(sizes))).eval(), inputs


def make(name: str) -> Model:
    if name.endswith("_cached"):
        return make_cached(name.removesuffix("_cached"))
    network, kind = model_of(name)
    network.config.use_cache = False
    inputs, lengths = INPUTS[kind]
    auto = torch.export.Dim.AUTO
    shapes = {key: {0: auto, lengths[key]: auto} if key in lengths else {0: auto} for key in inputs(2, 8)}
    return Model(Plain(network), lambda batch, length: ((inputs(batch, length),), {}), (shapes,))


def make_cached(name: str) -> Model:
    """Three steps of generation: one token and its position in each call."""
    from transformers.integrations.executorch import TorchExportableModuleWithStaticCache

    network, _ = model_of(name)
    network.generation_config.use_cache = True
    network.generation_config.cache_implementation = "static"
    cached = TorchExportableModuleWithStaticCache(network, batch_size=1, max_cache_len=16)

    def step(position: int) -> tuple:
        return (), {"input_ids": tokens(1, 1), "cache_position": torch.tensor([position])}

    return Model(cached, lambda *_: step(0), calls=[step(1), step(2)])
