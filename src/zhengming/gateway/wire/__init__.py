"""The wire formats: requests judged parsed and written by splicing, answers guarded field by field. No I/O."""
