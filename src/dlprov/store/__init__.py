"""The store: from run logs to tables that SQL asks. The index is a cache; the logs are the truth."""

from dlprov.store.database import Index

__all__ = ["Index"]
