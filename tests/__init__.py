"""The tests. A package, since an installed one of the same name would be found first."""
