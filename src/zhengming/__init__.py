"""Zhengming (正名): the safety, labelling and evidence layer for AI services."""

__version__ = "0.1.0.dev0"
