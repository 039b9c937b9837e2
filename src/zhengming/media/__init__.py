"""Files in and out: label one, ask one what it is. The I/O around :mod:`zhengming.label.files`, which does none."""
