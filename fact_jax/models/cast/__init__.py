"""CAST: recognising actions with a spatial and a temporal expert that exchange what they see.

Source: Lee et al., CAST: Cross-Attention in Space and Time for Video Action Recognition, NeurIPS 2023.
"Published" files are those of github.com/KHU-VLL/CAST at 51eb871.
"""
