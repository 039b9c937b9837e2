"""Judge texts by rules: fold, match, decide, hold back. A plain library: values in, values out."""
