"""Documents of others, as their programs wrote them, with all in which they deviate from PROV."""

from __future__ import annotations

# DLProv: the keys of October 2024, and the numbers of prov 2.0.
DLPROV_N = """document
  prefix dlprov <DLProv>

  entity(dlprov:a1171ad1, [prov:type:="prov:Plan", dlprov:tag:="mnist, said \\"x:=y\\""])
  activity(dlprov:e355793b, -, -, [dlprov:exec_tag:="mnist-2024-10-21 16:32:51.503436"])
  used(dlprov:e355793b, dlprov:a1171ad1, -)
  entity(dlprov:4b6873ea, [dlprov:ds_tag="otrainmodel", dlprov:loss:="0.302921" %% xsd:float,
    dlprov:val_loss:="-1e+07" %% xsd:float])
  wasGeneratedBy(dlprov:4b6873ea, dlprov:e355793b, -)
endDocument
"""

DLPROV_JSON = """{"prefix": {"dlprov": "DLProv"},
"entity": {"dlprov:a1171ad1": {"prov:type:": "prov:Plan", "dlprov:tag:": "mnist, said \\"x:=y\\""},
"dlprov:4b6873ea": {"dlprov:ds_tag": "otrainmodel", "dlprov:loss:": {"$": 0.302921, "type": "xsd:double"},
"dlprov:val_loss:": {"$": -9999999.0, "type": "xsd:double"}}},
"activity": {"dlprov:e355793b": {"dlprov:exec_tag:": "mnist-2024-10-21 16:32:51.503436"}},
"used": {"_:id1": {"prov:activity": "dlprov:e355793b", "prov:entity": "dlprov:a1171ad1"}},
"wasGeneratedBy": {"_:id2": {"prov:entity": "dlprov:4b6873ea", "prov:activity": "dlprov:e355793b"}}}
"""

YPROV4ML = """{"prefix":
{"context": "context", "yProv4ML": "yProv4ML", "prov-ml": "prov-ml", "default": "mnist_GR0_19"},
"agent": {"somebody": {}},
"activity": {"context:mnist": {
  "yProv4ML:run_id": {"$": 19, "type": "xsd:int"}, "yProv4ML:shuffle": {"$": true}, "start": "1760969452",
  "prov:startedAtTime": "2025-10-20T16:10:52.491617", "prov:endedAtTime": "no time"}},
"wasAssociatedWith": {"_:id1": {"prov:activity": "context:mnist", "prov:agent": "somebody"}},
"entity": {
  "Original requirements.txt": {"yProv4ML:path": "r.txt", "prov:type": "prov-ml:HyperParameter", "yProv4ML:x": null},
  "model": {"size": {"$": 0.81412, "type": "xsd:double"}, "total": {"$": 5000000000}, "kept": [1, null]}},
"used": {"_:id2": {"prov:activity": "context:mnist", "prov:entity": "Original requirements.txt"}}}
"""
