"""Raw data files: how their text is read, and the programs ``RDE`` and ``RDI``, which extract and index values."""
