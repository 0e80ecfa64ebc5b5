"""The client library of DfAnalyzer, Keras-Prov and DLProv: its scripts run unchanged and are recorded by dlprov.

As in the originals nothing is re-exported here: ``from dfa_lib_python.dataflow import Dataflow``.
"""
