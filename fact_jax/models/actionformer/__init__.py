"""ActionFormer: temporal action localization with a pyramid of local transformers, without anchors."""
