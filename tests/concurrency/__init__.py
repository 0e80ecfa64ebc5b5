"""Tests of several processes at once, which import their module by its name."""
