"""The benchmarks of dlprov: the table "Speed" of its design, one file a row. ``python -m benchmarks`` runs them."""
