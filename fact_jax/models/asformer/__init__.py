"""ASFormer: an encoder over frames and decoders that refine its prediction."""
