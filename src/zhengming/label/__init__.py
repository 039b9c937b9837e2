"""Write, read and check labels of generated content. A plain library: values in, values out."""
