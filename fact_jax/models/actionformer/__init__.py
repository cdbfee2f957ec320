"""ActionFormer: temporal action localization with a pyramid of local transformers, without anchors.

Source: Zhang, Wu & Li, ActionFormer: Localizing Moments of Actions with Transformers, ECCV 2022. "Published" files are
those of github.com/happyharrycn/actionformer_release at 1657159.
"""
