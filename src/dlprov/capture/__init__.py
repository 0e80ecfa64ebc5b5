"""Capture: runs inside the training process; knows only the run log."""
