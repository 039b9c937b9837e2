"""Believable traffic for trying the product out."""
