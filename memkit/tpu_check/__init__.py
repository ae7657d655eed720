"""Compiles a study's programs for TPU chips without having one: `memkit tpu_check`.

`check` prepares and runs the check, `programs` compiles in a process of its own, `lowering` is the
part that imports JAX, and `chips` describes the TPUs.
"""
