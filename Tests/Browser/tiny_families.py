"""What GGUF files of each architecture have: a table that mirrors the engine's own, with the variants that one name covers."""

import dataclasses

ROPE, ATTENTION = "rope.scaling.", "attention."


@dataclasses.dataclass(frozen=True)
class Family:
    """The tensors and keys of an architecture's files."""

    architecture: str
    # Mean and deviation, with or without a bias, or the root mean square.
    norm: str = "rms"
    # Norms before a mixer and a feed-forward, and behind them.
    before: tuple = ("attn_norm", "ffn_norm")
    behind: tuple = ()
    is_fused: bool = False
    # Parts of which there are biases: "qkv", "output", "feed", "router", "experts".
    biases: str = ""
    # Norms of queries and keys: of "heads", each head's own ("separate"), or of all as a "vector".
    head_norms: str = ""
    # A gate of its own ("gate"), in one matrix with the other half ("both"), or none.
    gate: str = "gate"
    has_output: bool = False
    has_positions: bool = False
    # The part of a head that is turned, and divisors of the frequencies by the names of their tensors.
    turned: float = 1.0
    factors: tuple = ()
    # What the header says besides, under the architecture's name.
    keys: tuple = ()
    layers: int = 3
    output_norm: str = "output_norm"
    # How many experts there are and how many a token goes through; elements of one that is shared, and whether by a factor.
    experts: tuple = ()
    shared_length: int = 0
    has_shared_factor: bool = False
    # Heads of queries that share one of keys.
    sharing: int = 4
    # Latent vectors: their length, that of what queries are made of or 0, and whether keys and values have matrices of their own.
    latent: tuple = ()
    # Elements of a head's query and of its value, where they are not as long as others'.
    lengths: tuple = ()
    # Layers before the first with experts, and what is added where experts are chosen.
    dense: int = 0
    has_choice_bias: bool = False
    # Scores that take their part of a head's weights.
    has_sinks: bool = False
    # Layers that are convolutions.
    convolutions: tuple = ()

    @property
    def expert_length(self):
        return dict(self.keys).get("expert_feed_forward_length")

    @property
    def is_layer_norm(self):
        return self.norm != "rms"


_BEHIND = ("post_attention_norm", "post_ffw_norm")
_ALL_BIASES = "qkv output feed"
_WINDOW = (ATTENTION + "sliding_window", 24)
_YARN = ((ROPE + "type", "yarn"), (ROPE + "factor", 4.0), (ROPE + "original_context_length", 64))
_DEEPSEEK = ((ATTENTION + "kv_lora_rank", 64), ("expert_feed_forward_length", 96), ("expert_shared_count", 1),
             ("leading_dense_block_count", 1))

FAMILIES = {
    "llama": Family("llama"),
    "llama with biases": Family("llama", biases="qkv output", has_output=True),
    "llama with factors": Family("llama", factors=("rope_freqs",)),
    "llama with experts": Family("llama", experts=(8, 2)),
    "llama with linear scaling": Family("llama", keys=((ROPE + "type", "linear"), (ROPE + "factor", 4.0))),
    "llama with YaRN": Family("llama", keys=_YARN),
    "apertus": Family("apertus", gate="", head_norms="heads", has_output=True,
                      keys=(("xielu.alpha_p", (0.5, 1.0, -1.0)), ("xielu.alpha_n", (0.25, -0.5, 2.0)),
                            ("xielu.beta", (0.5, 0.5, 0.25)), ("xielu.eps", (-1e-6, -1e-6, -1e-3)))),
    "arcee": Family("arcee", gate=""),
    "chatglm": Family("chatglm", is_fused=True, biases="qkv", gate="both", turned=0.5),
    "cohere2": Family("cohere2", norm="layer", before=("attn_norm",), keys=(_WINDOW, ("logit_scale", 2.0)), layers=5),
    "command-r": Family("command-r", norm="layer", before=("attn_norm",), keys=(("logit_scale", 2.0),)),
    "deepseek2": Family(
        "deepseek2", has_output=True, latent=(64, 96, True), lengths=(64, 32), turned=0.5, experts=(8, 3), shared_length=96, dense=1,
        has_choice_bias=True, keys=(*_DEEPSEEK, *_YARN, (ROPE + "yarn_log_multiplier", 0.0707), (ATTENTION + "q_lora_rank", 96),
                                    ("expert_weights_scale", 2.5), ("expert_weights_norm", True), ("expert_gating_func", 2),
                                    ("expert_group_count", 4), ("expert_group_used_count", 2))),
    "deepseek2 with one matrix of keys and values": Family(
        "deepseek2", has_output=True, latent=(64, 96, False), lengths=(64, 32), turned=0.5, experts=(8, 3), shared_length=96, dense=1,
        keys=(*_DEEPSEEK, *_YARN, (ATTENTION + "q_lora_rank", 96), ("expert_weights_scale", 16.0))),
    "deepseek2 of the lite size": Family(
        "deepseek2", has_output=True, latent=(64, 0, False), lengths=(64, 32), turned=0.5, experts=(4, 2), shared_length=96, dense=1,
        keys=(*_DEEPSEEK, ("expert_weights_scale", 1.0)), layers=27),
    "ernie4_5": Family("ernie4_5"),
    "exaone4": Family("exaone4", before=(), behind=_BEHIND, head_norms="heads"),
    "exaone4 with windows": Family("exaone4", before=(), behind=_BEHIND, head_norms="heads", keys=(_WINDOW,), layers=64),
    "falcon": Family("falcon", norm="layer with bias", before=("attn_norm",), is_fused=True, gate=""),
    "falcon with two norms": Family("falcon", norm="layer with bias", before=("attn_norm_2", "attn_norm"), is_fused=True, gate=""),
    "gemma": Family("gemma"),
    "gemma2": Family("gemma2", behind=_BEHIND,
                     keys=(_WINDOW, ("attn_logit_softcapping", 5.0), ("final_logit_softcapping", 4.0))),
    "gemma3": Family("gemma3", behind=_BEHIND, head_norms="heads", keys=(_WINDOW,), layers=7),
    "glm4": Family("glm4", behind=_BEHIND, biases="qkv", gate="both", turned=0.5),
    "gpt-oss": Family("gpt-oss", before=("attn_norm", "post_attention_norm"), biases="qkv output router experts", has_output=True,
                      experts=(8, 3), has_sinks=True, keys=(_WINDOW, *_YARN, ("expert_feed_forward_length", 96)), layers=4),
    "gpt2": Family("gpt2", norm="layer with bias", is_fused=True, biases=_ALL_BIASES, gate="", has_positions=True),
    "gptneox": Family("gptneox", norm="layer with bias", is_fused=True, biases=_ALL_BIASES, gate="", has_output=True, turned=0.5,
                      keys=(("use_parallel_residual", True),)),
    "gptneox one after the other": Family("gptneox", norm="layer with bias", is_fused=True, biases=_ALL_BIASES, gate="",
                                          has_output=True, keys=(("use_parallel_residual", False),)),
    "granite": Family("granite", keys=(("embedding_scale", 4.0), ("residual_scale", 0.22), ("logit_scale", 0.5),
                                       (ATTENTION + "scale", 0.1))),
    "granitemoe": Family("granitemoe", experts=(6, 2), keys=(("embedding_scale", 4.0), ("residual_scale", 0.5), ("logit_scale", 0.5),
                                                             (ATTENTION + "scale", 0.1))),
    "granitemoe with a shared expert": Family(
        "granitemoe", experts=(6, 2), shared_length=128, keys=(("logit_scale", 0.5), ("expert_shared_feed_forward_length", 128))),
    "hunyuan-dense": Family("hunyuan-dense", head_norms="heads"),
    "internlm2": Family("internlm2", has_output=True),
    "lfm2": Family("lfm2", head_norms="heads", keys=(("shortconv.l_cache", 3),), output_norm="token_embd_norm",
                   convolutions=(0, 2)),
    "minicpm": Family("minicpm", keys=(("embedding_scale", 4.0), ("residual_scale", 0.5), ("logit_scale", 0.5))),
    "mistral3": Family("mistral3", keys=(*_YARN, (ROPE + "yarn_log_multiplier", 1.0), (ATTENTION + "temperature_scale", 0.5))),
    "nemotron": Family("nemotron", norm="layer with bias", gate="", has_output=True, turned=0.5),
    "olmo2": Family("olmo2", before=(), behind=_BEHIND, head_norms="vector", has_output=True),
    "olmo2 with windows": Family("olmo2", before=(), behind=_BEHIND, head_norms="vector", has_output=True, keys=(_WINDOW, *_YARN),
                                 layers=5),
    "olmoe": Family("olmoe", head_norms="vector", has_output=True, experts=(16, 4), sharing=1),
    "phi2": Family("phi2", norm="layer with bias", before=("attn_norm",), biases=_ALL_BIASES + " logits", gate="", has_output=True,
                   turned=0.5),
    "phi3": Family("phi3", is_fused=True, gate="both", factors=("rope_factors_long", "rope_factors_short"),
                   keys=((ROPE + "type", "longrope"), (ROPE + "original_context_length", 4096), (ROPE + "attn_factor", 1.2))),
    "phi3 with a longer context": Family(
        "phi3", is_fused=True, gate="both", factors=("rope_factors_long", "rope_factors_short"),
        keys=((ROPE + "type", "longrope"), (ROPE + "original_context_length", 64), (ROPE + "attn_factor", 1.2))),
    "qwen2": Family("qwen2", biases="qkv"),
    "qwen2moe": Family("qwen2moe", biases="qkv", has_output=True, experts=(8, 4), shared_length=256, has_shared_factor=True,
                       keys=(("expert_feed_forward_length", 96), ("expert_shared_feed_forward_length", 256))),
    "qwen3": Family("qwen3", head_norms="heads"),
    "qwen3moe": Family("qwen3moe", head_norms="heads", experts=(32, 3), keys=(("expert_feed_forward_length", 64),)),
    "seed_oss": Family("seed_oss", before=("attn_norm", "post_attention_norm"), biases="qkv"),
    "smollm3": Family("smollm3", layers=5),
    "stablelm": Family("stablelm", norm="layer with bias", biases="qkv", has_output=True, turned=0.5),
    "stablelm in parallel": Family("stablelm", norm="layer with bias", before=("attn_norm",), head_norms="separate",
                                   has_output=True, turned=0.5),
    "starcoder2": Family("starcoder2", norm="layer with bias", biases=_ALL_BIASES, gate=""),
}
