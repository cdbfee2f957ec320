"""Networks for single frames that several systems use."""
