"""CARL: frame-wise representations of long videos by a sequence contrastive loss.

Source: Chen et al., Frame-wise Action Representations for Long Videos via Sequence Contrastive Learning, CVPR 2022.
"Published" files are those of github.com/minghchen/CARL_code at c574312.
"""
