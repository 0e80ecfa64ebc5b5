"""The run log: what happened, appended once. Every other part of dlprov is a view of it."""
