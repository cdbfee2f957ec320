"""ASFormer. "Published" files are those of github.com/ChinaYi/ASFormer at 37a090c."""
