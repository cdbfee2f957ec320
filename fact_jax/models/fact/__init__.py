"""FACT and FAFormer: action segmentation by frame branches and action tokens that attend to each other.

Source: Lu & Elhamifar, FACT: Frame-Action Cross-Attention Temporal Modeling for Efficient Action Segmentation, CVPR
2024. "Published" files are those of github.com/ZijiaLewisLu/CVPR2024-FACT at a676fb1 and, in models_faformer/, those of
github.com/ParasGarg2k/FAFormer at f5820e7.
"""
