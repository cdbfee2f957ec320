"""FACT: Frame-Action Cross-attention Temporal modeling (Lu & Elhamifar, CVPR 2024)."""
