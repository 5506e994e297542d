"""The built dashboard, served beside the API it speaks to (decision 0031)."""
